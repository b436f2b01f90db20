// SPDX-License-Identifier: MIT
#include "benchmarks/parsec/suite/radiosity.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace damon_schemes::parsec {
namespace {

constexpr Vector room{4, 5, 2.6};
constexpr double lamp_power = 100;  // of each colour
constexpr unsigned refinements = 4;
constexpr unsigned most_iterations = 100;
constexpr double settled = 1e-4;  // the greatest change of an iteration, of the greatest value

// The faces, seen from outside.
std::array<Rectangle, 6> faces_of(const Box& box) {
    const Vector d = box.high - box.low;
    const Vector x{d.x, 0, 0};
    const Vector y{0, d.y, 0};
    const Vector z{0, 0, d.z};
    return {{{box.low, y, x},
             {box.low + z, x, y},
             {box.low, x, z},
             {box.low + y, z, x},
             {box.low, z, y},
             {box.low + x, y, z}}};
}

Rectangle turned(const Rectangle& face) {
    return {face.corner, face.v, face.u};
}

}  // namespace

Radiosity::Radiosity(Ledger& ledger, const RadiosityOptions& options)
    : options_(options),
      random_(options.seed),
      elements_(ledger, options.elements),
      links_(ledger, options.links) {}

void Radiosity::add_box(const Box& box, const Light& reflectance) {
    boxes_.push_back(box);
    for (const Rectangle& face : faces_of(box)) surfaces_.push_back({face, {}, reflectance});
}

// A room, two pieces of furniture and a lamp, that do not touch each other.
void Radiosity::build_scene() {
    const std::array<Light, 6> walls{{{0.5F, 0.4F, 0.3F},
                                      {0.8F, 0.8F, 0.8F},
                                      {0.7F, 0.7F, 0.6F},
                                      {0.7F, 0.7F, 0.6F},
                                      {0.6F, 0.2F, 0.2F},
                                      {0.2F, 0.2F, 0.6F}}};
    const auto inside = faces_of({{}, room});
    for (std::size_t i = 0; i < inside.size(); ++i)
        surfaces_.push_back({turned(inside[i]), {}, walls[i]});
    add_box({{0.5, 0.5, 0.3}, {1.6, 2.1, 0.8}}, {0.6F, 0.5F, 0.4F});
    add_box({{2.6, 3.2, 0.2}, {3.5, 4.5, 1.7}}, {0.5F, 0.6F, 0.5F});
    const auto place = [this](double range) {
        return range * static_cast<double>(random_.next() >> 11) * 0x1p-53;
    };
    const double x = 0.3 + place(room.x - 1.4);
    const double y = 0.3 + place(room.y - 1.4);
    const std::size_t lamp = surfaces_.size();
    add_box({{x, y, 2.2}, {x + 0.8, y + 0.8, 2.3}}, {0.3F, 0.3F, 0.3F});
    const auto emission = static_cast<float>(lamp_power / surfaces_[lamp].rectangle.area());
    surfaces_[lamp].emission = {emission, emission, emission};  // its lower side
    for (std::uint32_t i = 0; i < surfaces_.size(); ++i)
        surfaces_[i].root = new_element(i, 0, 0, 1);
}

void Radiosity::clear_scene() {
    for (const Surface& surface : surfaces_) give_back_tree(surface.root);
    surfaces_.clear();
    boxes_.clear();
}

std::uint32_t Radiosity::new_element(std::uint32_t surface, float s, float t, float size) {
    const std::uint32_t taken = elements_.take();
    if (taken == 0) throw std::runtime_error("the scene needs more elements than the pool has");
    Element& element = elements_[taken];
    element.surface = surface;
    element.s = s;
    element.t = t;
    element.size = size;
    element.area = static_cast<float>(surfaces_[surface].rectangle.area()) * size * size;
    element.radiosity = surfaces_[surface].emission;
    return taken;
}

void Radiosity::give_back_links(std::uint32_t element) {
    for (std::uint32_t each = elements_[element].links; each != 0;) {
        const std::uint32_t next = links_[each].next;
        links_.give_back(each);
        each = next;
    }
    elements_[element].links = 0;
}

void Radiosity::give_back_tree(std::uint32_t element) {
    for (const std::uint32_t part : elements_[element].parts)
        if (part != 0) give_back_tree(part);
    give_back_links(element);
    elements_.give_back(element);
}

Rectangle Radiosity::rectangle(const Element& element) const {
    const Rectangle& whole = surfaces_[element.surface].rectangle;
    const double size = element.size;
    return {whole.at(element.s, element.t), size * whole.u, size * whole.v};
}

// A corner of each is in front of the other.
bool Radiosity::may_face(std::uint32_t one, std::uint32_t other) const {
    const Rectangle a = rectangle(elements_[one]);
    const Rectangle b = rectangle(elements_[other]);
    const auto in_front = [](const Rectangle& of, const Rectangle& what) {
        const Vector normal = of.normal();
        for (const double s : {0.0, 1.0})
            for (const double t : {0.0, 1.0})
                if (dot(what.at(s, t) - of.corner, normal) > 1e-9) return true;
        return false;
    };
    return in_front(a, b) && in_front(b, a);
}

void Radiosity::divide(std::uint32_t element) {
    if (elements_[element].parts[0] != 0) return;
    const Element whole = elements_[element];
    const float half = whole.size / 2;
    for (unsigned i = 0; i < 4; ++i) {
        const std::uint32_t part =
            new_element(whole.surface, whole.s + half * static_cast<float>(i % 2),
                        whole.t + half * static_cast<float>(i / 2), half);
        elements_[part].radiosity = whole.radiosity;
        elements_[element].parts[i] = part;
    }
}

void Radiosity::link(std::uint32_t to, std::uint32_t from, double most_power) {
    if (!may_face(to, from)) return;
    const Element& taker = elements_[to];
    const Element& giver = elements_[from];
    const double brightest = *std::max_element(giver.radiosity.begin(), giver.radiosity.end());
    const double both = exchange(rectangle(taker), rectangle(giver), boxes_);
    const bool giver_is_larger = giver.area > taker.area;
    if (both * brightest > most_power &&
        std::max(giver.area, taker.area) > static_cast<float>(options_.least_area)) {
        divide(giver_is_larger ? from : to);
        const auto parts = elements_[giver_is_larger ? from : to].parts;
        for (const std::uint32_t part : parts) {
            if (giver_is_larger)
                link(to, part, most_power);
            else
                link(part, from, most_power);
        }
        return;
    }
    if (both <= 0) return;
    const std::uint32_t taken = links_.take();
    if (taken == 0) throw std::runtime_error("the scene needs more links than the pool has");
    links_[taken] = {elements_[to].links, from,
                     static_cast<float>(both / static_cast<double>(taker.area))};
    elements_[to].links = taken;
}

// Links that carry more by now are made anew.
void Radiosity::refine(std::uint32_t element, double most_power) {
    std::uint32_t each = elements_[element].links;
    elements_[element].links = 0;
    while (each != 0) {
        const Link old = links_[each];
        const Light& light = elements_[old.from].radiosity;
        const double power = static_cast<double>(*std::max_element(light.begin(), light.end())) *
                             static_cast<double>(old.form_factor * elements_[element].area);
        if (power > most_power) {
            links_.give_back(each);
            link(element, old.from, most_power);
        } else {
            links_[each].next = elements_[element].links;
            elements_[element].links = each;
        }
        each = old.next;
    }
    // Those that were divided just now have fine links only.
    for (const std::uint32_t part : elements_[element].parts)
        if (part != 0) refine(part, most_power);
}

void Radiosity::gather(std::uint32_t element) {
    Light sum{};
    for (std::uint32_t each = elements_[element].links; each != 0;) {
        const Link& link = links_[each];
        const Light& light = elements_[link.from].radiosity;
        for (std::size_t c = 0; c < colours; ++c) sum[c] += link.form_factor * light[c];
        each = link.next;
    }
    elements_[element].irradiance = sum;
    for (const std::uint32_t part : elements_[element].parts)
        if (part != 0) gather(part);
}

Radiosity::Light Radiosity::spread(std::uint32_t element, const Light& arrived) {
    Element& own = elements_[element];
    Light here = arrived;
    for (std::size_t c = 0; c < colours; ++c) here[c] += own.irradiance[c];
    Light mean{};
    if (own.parts[0] == 0) {
        const Surface& surface = surfaces_[own.surface];
        for (std::size_t c = 0; c < colours; ++c)
            mean[c] = surface.emission[c] + surface.reflectance[c] * here[c];
    } else {
        for (const std::uint32_t part : own.parts) {
            const Light light = spread(part, here);
            for (std::size_t c = 0; c < colours; ++c) mean[c] += light[c] / 4;
        }
    }
    own.radiosity = mean;
    return mean;
}

// Returns the greatest change of a surface's light, as a share of the greatest.
double Radiosity::iterate() {
    for (const Surface& surface : surfaces_) gather(surface.root);
    float change = 0;
    float most = 0;
    for (const Surface& surface : surfaces_) {
        const Light before = elements_[surface.root].radiosity;
        const Light now = spread(surface.root, {});
        for (std::size_t c = 0; c < colours; ++c) {
            change = std::max(change, std::abs(now[c] - before[c]));
            most = std::max(most, now[c]);
        }
    }
    return static_cast<double>(change / most);
}

void Radiosity::make_picture() {
    clear_scene();
    build_scene();
    double most_power = options_.power_a_link * lamp_power * (1U << (refinements - 1));
    for (const Surface& to : surfaces_)
        for (const Surface& from : surfaces_)
            if (&to != &from) link(to.root, from.root, most_power);
    iterate();
    for (unsigned i = 0; i < refinements; ++i, most_power /= 2) {
        for (const Surface& surface : surfaces_) refine(surface.root, most_power);
        for (unsigned k = 0; k < most_iterations && iterate() > settled; ++k) {
        }
    }
}

double Radiosity::area(std::size_t surface) const {
    return surfaces_[surface].rectangle.area();
}

double Radiosity::emitted() const {
    double sum = 0;
    for (std::size_t i = 0; i < surfaces_.size(); ++i)
        for (const float light : surfaces_[i].emission) sum += area(i) * static_cast<double>(light);
    return sum;
}

double Radiosity::absorbed_by(std::uint32_t element, const Light& arrived) const {
    const Element& own = elements_[element];
    Light here = arrived;
    for (std::size_t c = 0; c < colours; ++c) here[c] += own.irradiance[c];
    double sum = 0;
    if (own.parts[0] == 0) {
        const Surface& surface = surfaces_[own.surface];
        for (std::size_t c = 0; c < colours; ++c)
            sum += static_cast<double>(own.area * here[c] * (1 - surface.reflectance[c]));
    } else {
        for (const std::uint32_t part : own.parts) sum += absorbed_by(part, here);
    }
    return sum;
}

double Radiosity::absorbed() const {
    double sum = 0;
    for (const Surface& surface : surfaces_) sum += absorbed_by(surface.root, {});
    return sum;
}

double Radiosity::exchanged_by(std::uint32_t element, std::size_t to) const {
    const Element& own = elements_[element];
    double sum = 0;
    for (std::uint32_t each = own.links; each != 0; each = links_[each].next) {
        const Link& link = links_[each];
        if (elements_[link.from].surface == to)
            sum += static_cast<double>(own.area * link.form_factor);
    }
    for (const std::uint32_t part : own.parts)
        if (part != 0) sum += exchanged_by(part, to);
    return sum;
}

double Radiosity::exchanged(std::size_t from, std::size_t to) const {
    return exchanged_by(surfaces_[from].root, to);
}

std::string Radiosity::check() const {
    // The room is closed: all that is sent out is swallowed in the end.
    if (!(std::abs(absorbed() - emitted()) <= 0.05 * emitted())) {
        return "surfaces swallow " + std::to_string(absorbed()) + " of the " +
               std::to_string(emitted()) + " that the lamp sends out";
    }
    for (std::size_t a = 0; a < surfaces_.size(); ++a) {
        for (std::size_t b = 0; b < a; ++b) {
            const double there = exchanged(a, b);
            const double back = exchanged(b, a);
            if (!(std::abs(there - back) <= 0.1 * std::max(there, back) + 0.05)) {
                return "surface " + std::to_string(a) + " exchanges " + std::to_string(there) +
                       " with " + std::to_string(b) + ", which exchanges " + std::to_string(back) +
                       " with it";
            }
        }
    }
    return {};
}

}  // namespace damon_schemes::parsec
