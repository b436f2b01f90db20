// SPDX-License-Identifier: MIT
// How much of the light that leaves one rectangle arrives at another.
#pragma once

#include <array>
#include <cstddef>
#include <span>

namespace damon_schemes::parsec {

struct Vector {
    double x = 0, y = 0, z = 0;
    friend Vector operator+(const Vector& a, const Vector& b) {
        return {a.x + b.x, a.y + b.y, a.z + b.z};
    }
    friend Vector operator-(const Vector& a, const Vector& b) {
        return {a.x - b.x, a.y - b.y, a.z - b.z};
    }
    friend Vector operator*(double f, const Vector& a) { return {f * a.x, f * a.y, f * a.z}; }
};

double dot(const Vector& a, const Vector& b);
Vector cross(const Vector& a, const Vector& b);

// The side that cross(u, v) points to shines and is shone on.
struct Rectangle {
    Vector corner, u, v;  // u and v, its sides, are at right angles
    Vector at(double s, double t) const { return corner + s * u + t * v; }
    double area() const;
    Vector normal() const;  // of length 1
};

// With sides along the axes.
struct Box {
    Vector low, high;
};

// What a point of a surface of that normal sees of the rectangle, as a share of all light that
// leaves it: Lambert's formula for polygons, of the part in front of the surface.  Exact.
double point_form_factor(const Vector& point, const Vector& normal, const Rectangle& to);

// Whether nothing is between: a box that only touches the segment is not.
bool sees(const Vector& from, const Vector& to, std::span<const Box> boxes);

// The area of one times its form factor to the other, which is the same the other way round
// (reciprocity): taken at four points of the smaller one, from where the larger one is seen as it
// is, less what the boxes hide.
double exchange(const Rectangle& one, const Rectangle& other, std::span<const Box> boxes);

}  // namespace damon_schemes::parsec
