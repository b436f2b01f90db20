// SPDX-License-Identifier: MIT
#include "benchmarks/parsec/suite/form_factor.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

namespace damon_schemes::parsec {
namespace {

// Gauss's points, between 0 and 1.
constexpr std::array<double, 2> gauss{0.21132486540518712, 0.78867513459481288};

double length(const Vector& a) {
    return std::sqrt(dot(a, a));
}

// A rectangle less a corner has at most five.
struct Polygon {
    std::array<Vector, 5> corners;
    std::size_t size = 0;
    void add(const Vector& corner) { corners[size++] = corner; }
};

// The part in front of the plane through the origin.
Polygon clipped(const std::array<Vector, 4>& corners, const Vector& normal) {
    Polygon front;
    for (std::size_t i = 0; i < corners.size(); ++i) {
        const Vector& from = corners[i];
        const Vector& to = corners[(i + 1) % corners.size()];
        const double from_height = dot(from, normal);
        const double to_height = dot(to, normal);
        if (from_height >= 0) front.add(from);
        if ((from_height > 0 && to_height < 0) || (from_height < 0 && to_height > 0))
            front.add(from + from_height / (from_height - to_height) * (to - from));
    }
    return front;
}

double mean_form_factor(const Rectangle& from, const Rectangle& to) {
    const Vector normal = from.normal();
    double sum = 0;
    for (const double s : gauss)
        for (const double t : gauss) sum += point_form_factor(from.at(s, t), normal, to);
    return sum / 4;
}

// By 16 segments between points that are strewn over both, each of which counts for as much light
// as goes along it: for none where one point is behind the other's surface.
double visible_share(const Rectangle& one, const Rectangle& other, std::span<const Box> boxes) {
    const auto place = [](unsigned k) { return 0.125 + 0.25 * (k % 4); };
    const Vector one_normal = one.normal();
    const Vector other_normal = other.normal();
    double all = 0;
    double seen = 0;
    for (unsigned i = 0; i < 16; ++i) {
        // Each of the four by four cells of both is used once.
        const Vector from = one.at(place(i), place(i / 4));
        const Vector to = other.at(place(i + i / 4 + 1), place(i / 4 + 2 * i));
        const Vector way = to - from;
        const double out = dot(way, one_normal);
        const double in = -dot(way, other_normal);
        if (out <= 0 || in <= 0) continue;
        const double square = dot(way, way);
        const double light = out * in / (square * square);
        all += light;
        if (sees(from, to, boxes)) seen += light;
    }
    return all > 0 ? seen / all : 1;
}

}  // namespace

double dot(const Vector& a, const Vector& b) {
    return a.x * b.x + a.y * b.y + a.z * b.z;
}

Vector cross(const Vector& a, const Vector& b) {
    return {a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x};
}

double Rectangle::area() const {
    return length(cross(u, v));
}

Vector Rectangle::normal() const {
    const Vector across = cross(u, v);
    return 1 / length(across) * across;
}

double point_form_factor(const Vector& point, const Vector& normal, const Rectangle& to) {
    if (dot(point - to.corner, cross(to.u, to.v)) <= 0) return 0;  // sees its back
    const Polygon front = clipped({to.corner - point, to.corner + to.u - point,
                                   to.corner + to.u + to.v - point, to.corner + to.v - point},
                                  normal);
    double sum = 0;
    for (std::size_t i = 0; i < front.size; ++i) {
        const Vector& a = front.corners[i];
        const Vector& b = front.corners[(i + 1) % front.size];
        const Vector across = cross(a, b);
        const double size = length(across);
        if (size < 1e-15) continue;
        sum += std::atan2(size, dot(a, b)) / size * dot(across, normal);
    }
    // The corners go round the other way as seen from its front.
    return std::max(0.0, -sum / (2 * std::numbers::pi));
}

bool sees(const Vector& from, const Vector& to, std::span<const Box> boxes) {
    constexpr double skin = 1e-7;
    const Vector way = to - from;
    for (const Box& box : boxes) {
        double enter = 0;
        double leave = 1;
        const auto cut = [&](double begin, double step, double low, double high) {
            if (std::abs(step) < 1e-12) {
                if (begin <= low + skin || begin >= high - skin) leave = -1;
                return;
            }
            double near = (low + skin - begin) / step;
            double far = (high - skin - begin) / step;
            if (near > far) std::swap(near, far);
            enter = std::max(enter, near);
            leave = std::min(leave, far);
        };
        cut(from.x, way.x, box.low.x, box.high.x);
        cut(from.y, way.y, box.low.y, box.high.y);
        cut(from.z, way.z, box.low.z, box.high.z);
        if (enter < leave) return false;
    }
    return true;
}

double exchange(const Rectangle& one, const Rectangle& other, std::span<const Box> boxes) {
    const double there = one.area();
    const double back = other.area();
    double open = 0;
    if (there <= back) open += there * mean_form_factor(one, other);
    if (back <= there) open += back * mean_form_factor(other, one);
    if (there == back) open /= 2;
    return open > 0 && !boxes.empty() ? open * visible_share(one, other, boxes) : open;
}

}  // namespace damon_schemes::parsec
