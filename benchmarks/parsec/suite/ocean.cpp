// SPDX-License-Identifier: MIT
#include "benchmarks/parsec/suite/ocean.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "benchmarks/random.h"

namespace damon_schemes::parsec {
namespace {

constexpr double pi = std::numbers::pi;
constexpr double beta = 50;
constexpr double wind_strength = 100;
constexpr double viscosity = 1e-3;
// The residual, of the vorticity's size, that the stream function may have.
constexpr double solved = 1e-5;
// No current is faster: steps are so short that none crosses an interval in one.
constexpr double fastest = 60;

double root_mean_square(const Grid& grid) {
    double sum = 0;
    const std::size_t n = grid.intervals();
    for (std::size_t i = 1; i < n; ++i) {
        const double* const at = grid.row(i);
        for (std::size_t j = 1; j < n; ++j) sum += at[j] * at[j];
    }
    return std::sqrt(sum / static_cast<double>((n - 1) * (n - 1)));
}

// Three rows of a grid: a node's neighbours.
struct Rows {
    Rows(const Grid& grid, std::size_t i)
        : north(grid.row(i - 1)), own(grid.row(i)), south(grid.row(i + 1)) {}
    double laplacian(std::size_t j) const {
        return north[j] + south[j] + own[j - 1] + own[j + 1] - 4 * own[j];
    }
    const double* north;
    const double* own;
    const double* south;
};

// Times 12 h^2.  x goes with the rows' index, y with the columns'.
double jacobian(const Rows& s, const Rows& z, std::size_t j) {
    const double crossed = (s.south[j] - s.north[j]) * (z.own[j + 1] - z.own[j - 1]) -
                           (s.own[j + 1] - s.own[j - 1]) * (z.south[j] - z.north[j]);
    const double of_stream = s.south[j] * (z.south[j + 1] - z.south[j - 1]) -
                             s.north[j] * (z.north[j + 1] - z.north[j - 1]) -
                             s.own[j + 1] * (z.south[j + 1] - z.north[j + 1]) +
                             s.own[j - 1] * (z.south[j - 1] - z.north[j - 1]);
    const double of_vorticity = z.own[j + 1] * (s.south[j + 1] - s.north[j + 1]) -
                                z.own[j - 1] * (s.south[j - 1] - s.north[j - 1]) -
                                z.south[j] * (s.south[j + 1] - s.south[j - 1]) +
                                z.north[j] * (s.north[j + 1] - s.north[j - 1]);
    return crossed + of_stream + of_vorticity;
}

struct Eddy {
    double x, y, strength;
};

}  // namespace

Ocean::Ocean(Ledger& ledger, const OceanOptions& options)
    : options_(options),
      solver_(ledger, options.intervals, options.bands),
      stream_(ledger, options.intervals, options.bands),
      vorticity_(ledger, options.intervals, options.bands),
      tendency_(ledger, options.intervals, options.bands),
      tendency_before_(ledger, options.intervals, options.bands),
      wind_(ledger, options.intervals, options.bands),
      friction_(ledger, options.intervals, options.bands),
      mean_stream_(ledger, options.intervals, options.bands),
      mean_square_(ledger, options.intervals, options.bands),
      first_stream_(ledger, options.intervals, options.bands),
      time_step_(0.25 * stream_.step() / fastest) {}

std::string Ocean::verify_solver() {
    const double h = stream_.step();
    const auto exact = [h](std::size_t i, std::size_t j) {
        return std::sin(pi * h * static_cast<double>(i)) *
               std::sin(2 * pi * h * static_cast<double>(j));
    };
    first_stream_.set(exact);
    vorticity_.set([&](std::size_t i, std::size_t j) { return -5 * pi * pi * exact(i, j); });
    stream_.fill(0);
    const double tolerance = 1e-6 * root_mean_square(vorticity_);
    const auto outcome = solver_.solve(stream_, vorticity_, tolerance);
    if (outcome.residual > tolerance) {
        return "the solver left a residual of " + std::to_string(outcome.residual) + " after " +
               std::to_string(outcome.cycles) + " cycles";
    }
    double worst = 0;
    for (std::size_t i = 0; i <= stream_.intervals(); ++i) {
        const double* const found = stream_.row(i);
        const double* const wanted = first_stream_.row(i);
        for (std::size_t j = 0; j <= stream_.intervals(); ++j)
            worst = std::max(worst, std::abs(found[j] - wanted[j]));
    }
    // The scheme is of second order: 17 pi^4 h^2 / (12 * 5 pi^2) for this solution.
    const double allowed = 3.5 * h * h + 1e-5;
    if (!(worst <= allowed)) {
        return "the solver is wrong by " + std::to_string(worst) + ", allowed is " +
               std::to_string(allowed);
    }
    return {};
}

void Ocean::start() {
    bench::Random random(options_.seed);
    const auto share = [&random] { return static_cast<double>(random.next() >> 11) * 0x1p-53; };
    std::vector<Eddy> eddies(6);
    for (Eddy& eddy : eddies)
        eddy = {0.2 + 0.6 * share(), 0.2 + 0.6 * share(), share() < 0.5 ? -400.0 : 400.0};
    const double h = stream_.step();
    vorticity_.set([&](std::size_t i, std::size_t j) {
        double sum = 0;
        for (const Eddy& eddy : eddies) {
            const double x = h * static_cast<double>(i) - eddy.x;
            const double y = h * static_cast<double>(j) - eddy.y;
            const double square = (x * x + y * y) * 200;
            if (square < 20) sum += eddy.strength * std::exp(-square);
        }
        return sum;
    });
    wind_.set([&](std::size_t, std::size_t j) {
        return -wind_strength * std::sin(pi * h * static_cast<double>(j));
    });
    // Shallow waters at the coasts slow the flow more.
    friction_.set([&](std::size_t i, std::size_t j) {
        const double x = h * static_cast<double>(i);
        const double y = h * static_cast<double>(j);
        return 1 + 4 * std::exp(-20 * std::min({x, y, 1 - x, 1 - y}));
    });
    tendency_before_.fill(0);
    tendency_.fill(0);
    mean_stream_.fill(0);
    mean_square_.fill(0);
    steps_ = 0;
    tolerance_ = solved * root_mean_square(vorticity_);
    stream_.fill(0);
    find_stream();
    for (std::size_t i = 0; i <= stream_.intervals(); ++i)
        std::copy_n(stream_.row(i), stream_.intervals() + 1, first_stream_.row(i));
    energy_ = first_energy_ = take_energy();
    work_ = 0;
    set_tendency();
}

void Ocean::find_stream() {
    solver_.solve(stream_, vorticity_, tolerance_);
}

// Also takes the power of wind and friction.
void Ocean::set_tendency() {
    const std::size_t n = stream_.intervals();
    const double h = stream_.step();
    double power = 0;
    for (std::size_t i = 1; i < n; ++i) {
        const Rows s(stream_, i);
        const Rows z(vorticity_, i);
        const double* const wind = wind_.row(i);
        const double* const friction = friction_.row(i);
        double* const to = tendency_.row(i);
        for (std::size_t j = 1; j < n; ++j) {
            const double forces =
                wind[j] - friction[j] * z.own[j] + viscosity / (h * h) * z.laplacian(j);
            power -= s.own[j] * forces;
            to[j] = forces - jacobian(s, z, j) / (12 * h * h) -
                    beta * (s.south[j] - s.north[j]) / (2 * h);
        }
    }
    power_ = power * h * h;
}

void Ocean::step_vorticity(double now, double before) {
    const std::size_t n = stream_.intervals();
    for (std::size_t i = 1; i < n; ++i) {
        double* const to = vorticity_.row(i);
        const double* const tendency = tendency_.row(i);
        double* const kept = tendency_before_.row(i);
        for (std::size_t j = 1; j < n; ++j) {
            to[j] += time_step_ * (now * tendency[j] - before * kept[j]);
            kept[j] = tendency[j];
        }
    }
}

void Ocean::average() {
    const std::size_t n = stream_.intervals();
    const double weight = 1.0 / steps_;
    for (std::size_t i = 1; i < n; ++i) {
        const double* const stream = stream_.row(i);
        double* const mean = mean_stream_.row(i);
        double* const square = mean_square_.row(i);
        for (std::size_t j = 1; j < n; ++j) {
            mean[j] += (stream[j] - mean[j]) * weight;
            square[j] += (stream[j] * stream[j] - square[j]) * weight;
        }
    }
}

// Of the motion: half the integral of the squared speed, which is minus that of s z / 2.
double Ocean::take_energy() const {
    const std::size_t n = stream_.intervals();
    const double h = stream_.step();
    double sum = 0;
    for (std::size_t i = 1; i < n; ++i) {
        const double* const stream = stream_.row(i);
        const double* const vorticity = vorticity_.row(i);
        for (std::size_t j = 1; j < n; ++j) sum -= stream[j] * vorticity[j];
    }
    return 0.5 * sum * h * h;
}

void Ocean::advance(unsigned steps) {
    for (unsigned i = 0; i < steps; ++i) {
        if (steps_ == 0)
            step_vorticity(1, 0);
        else
            step_vorticity(1.5, 0.5);
        ++steps_;
        find_stream();
        const double power_before = power_;
        set_tendency();
        work_ += 0.5 * (power_before + power_) * time_step_;
        average();
    }
    energy_ = take_energy();
}

double Ocean::departure() const {
    const std::size_t n = stream_.intervals();
    double sum = 0;
    for (std::size_t i = 1; i < n; ++i) {
        const double* const now = stream_.row(i);
        const double* const first = first_stream_.row(i);
        for (std::size_t j = 1; j < n; ++j) sum += (now[j] - first[j]) * (now[j] - first[j]);
    }
    return std::sqrt(sum / static_cast<double>((n - 1) * (n - 1)));
}

std::string Ocean::check() {
    const double residual = take_residual(stream_, vorticity_, tendency_before_);
    if (!(residual <= tolerance_)) {
        return "the stream function has a residual of " + std::to_string(residual) +
               ", allowed is " + std::to_string(tolerance_);
    }
    // Arakawa's Jacobian and the rotation keep the energy; the rest is an error of the steps.
    const double wrong = std::abs(energy_ - expected_energy());
    if (!(wrong <= 1e-3 * first_energy_ + 0.02 * std::abs(work_))) {
        return "the energy is " + std::to_string(energy_) + ", with the work of wind and " +
               "friction it should be " + std::to_string(expected_energy());
    }
    return {};
}

}  // namespace damon_schemes::parsec
