// SPDX-License-Identifier: MIT
// Currents of a square ocean basin, as the class of SPLASH-2's `ocean_ncp` computes them: at each
// step the wind, friction, the earth's rotation and the flow itself change the vorticity, and an
// elliptic equation gives the stream function that belongs to it.
//
// The barotropic vorticity equation on a beta plane, without units:
//     dz/dt = -J(s, z) - beta ds/dx + wind - friction z + viscosity Laplace z,    Laplace s = z
// with s = z = 0 at the coasts, Arakawa's Jacobian (1966), and Adams and Bashforth's steps.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "benchmarks/parsec/suite/grid.h"
#include "benchmarks/parsec/suite/multigrid.h"

namespace damon_schemes::parsec {

struct OceanOptions {
    std::size_t intervals = 0;  // a side; best a small number times a power of two
    std::size_t bands = 8;      // partitions
    std::uint64_t seed = 1;     // of the eddies at the beginning
};

class Ocean {
  public:
    Ocean(Ledger& ledger, const OceanOptions& options);

    // Solves a problem whose solution is known.  What is wrong; empty: nothing is.
    std::string verify_solver();
    // At rest but for some eddies.
    void start();
    void advance(unsigned steps);
    // Whether the stream function belongs to the vorticity, and energy changed by no more than
    // wind and friction did.  What is wrong; empty: nothing is.
    std::string check();

    double energy() const { return energy_; }
    // What there was at first, and what wind and friction added since: without the errors of the
    // steps it is the same.
    double expected_energy() const { return first_energy_ + work_; }
    // Of the stream function from that at the beginning, root mean square.
    double departure() const;
    const Grid& stream() const { return stream_; }

  private:
    void set_tendency();
    void step_vorticity(double now, double before);
    void find_stream();
    void average();
    double take_energy() const;

    OceanOptions options_;
    Multigrid solver_;
    Grid stream_, vorticity_;
    Grid tendency_, tendency_before_;
    Grid wind_, friction_;
    Grid mean_stream_, mean_square_;  // over the steps
    Grid first_stream_;               // kept for the end
    double time_step_;
    double tolerance_ = 0;
    unsigned steps_ = 0;
    double first_energy_ = 0;
    double energy_ = 0;
    double power_ = 0;  // of wind and friction, now
    double work_ = 0;   // since the beginning
};

}  // namespace damon_schemes::parsec
