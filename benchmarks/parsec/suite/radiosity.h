// SPDX-License-Identifier: MIT
// Light in a closed room by hierarchical radiosity (Hanrahan, Salzman and Aupperle, 1991), as the
// class of SPLASH-2's `radiosity` computes it: surfaces are divided as finely as the light between
// two of them demands, and the exchange is refined progressively.
//
// Elements and links come from pools that are threaded into lists of free ones at the beginning,
// large enough for a far harder scene: what this one needs is used again and again, the rest is
// never touched after that.  The lamp moves from picture to picture.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "benchmarks/parsec/suite/form_factor.h"
#include "benchmarks/parsec/suite/ledger.h"
#include "benchmarks/random.h"

namespace damon_schemes::parsec {

struct RadiosityOptions {
    std::uint32_t elements = 0;  // in the pool
    std::uint32_t links = 0;
    double power_a_link = 2e-3;  // of the lamp's: links that carry more are divided
    double least_area = 2e-3;    // of elements, of the room's 60 or so
    std::uint64_t seed = 1;
};

// Entries of one kind, used or threaded into a list by their `next`.  0 is none.
template <class T>
class Pool {
  public:
    // Touches all of it.
    Pool(Ledger& ledger, std::uint32_t capacity)
        : entries_(ledger, std::size_t{capacity} + 1, page_bytes), free_(capacity > 0 ? 1 : 0) {
        for (std::uint32_t i = 1; i <= capacity; ++i) entries_[i].next = i < capacity ? i + 1 : 0;
    }
    T& operator[](std::uint32_t i) const { return entries_[i]; }
    // 0: there is none left.
    std::uint32_t take() {
        const std::uint32_t taken = free_;
        if (taken != 0) {
            free_ = entries_[taken].next;
            entries_[taken] = T{};
            ++used_;
        }
        return taken;
    }
    void give_back(std::uint32_t i) {
        entries_[i].next = free_;
        free_ = i;
        --used_;
    }
    std::uint32_t used() const { return used_; }

  private:
    Table<T> entries_;
    std::uint32_t free_;
    std::uint32_t used_ = 0;
};

class Radiosity {
  public:
    Radiosity(Ledger& ledger, const RadiosityOptions& options);

    // Computes the next picture.  Throws std::runtime_error where a pool is used up.
    void make_picture();
    // What is wrong with the last one; empty: nothing is.
    std::string check() const;

    // Of the last picture: of light that leaves surfaces by themselves, and that they swallow.
    double emitted() const;
    double absorbed() const;
    // Area times form factor from one surface to another, as the links of one say.
    double exchanged(std::size_t from, std::size_t to) const;
    std::size_t surfaces() const { return surfaces_.size(); }
    double area(std::size_t surface) const;
    std::uint32_t elements_used() const { return elements_.used(); }
    std::uint32_t links_used() const { return links_.used(); }

  private:
    static constexpr std::size_t colours = 3;
    using Light = std::array<float, colours>;

    struct Surface {
        Rectangle rectangle;
        Light emission{}, reflectance{};
        std::uint32_t root = 0;
    };
    // A part of a surface, itself divided in four or in none.  Two share a cache line's worth.
    struct alignas(128) Element {
        std::uint32_t next = 0;
        std::uint32_t surface = 0;
        float s = 0, t = 0, size = 1;  // of the surface's sides
        float area = 0;
        Light radiosity{}, irradiance{};
        std::array<std::uint32_t, 4> parts{};
        std::uint32_t links = 0;  // where its light comes from
    };
    struct Link {
        std::uint32_t next = 0;
        std::uint32_t from = 0;
        float form_factor = 0;  // of the element that has the link, to `from`
    };

    void build_scene();
    void clear_scene();
    void add_box(const Box& box, const Light& reflectance);
    std::uint32_t new_element(std::uint32_t surface, float s, float t, float size);
    void give_back_tree(std::uint32_t element);
    void give_back_links(std::uint32_t element);
    Rectangle rectangle(const Element& element) const;
    bool may_face(std::uint32_t one, std::uint32_t other) const;
    void divide(std::uint32_t element);
    // Gives `to` a link to `from`, or parts of them such links.
    void link(std::uint32_t to, std::uint32_t from, double most_power);
    void refine(std::uint32_t element, double most_power);
    void gather(std::uint32_t element);
    // Light that arrived at whole elements arrives at their parts.  Returns the mean radiosity.
    Light spread(std::uint32_t element, const Light& arrived);
    double iterate();
    double absorbed_by(std::uint32_t element, const Light& arrived) const;
    double exchanged_by(std::uint32_t element, std::size_t to) const;

    RadiosityOptions options_;
    bench::Random random_;
    Pool<Element> elements_;
    Pool<Link> links_;
    std::vector<Surface> surfaces_;
    std::vector<Box> boxes_;
};

}  // namespace damon_schemes::parsec
