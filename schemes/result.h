// SPDX-License-Identifier: MIT
// A value, or the reason why there is none.  Used where failing is an ordinary answer (a target
// that vanished, a call that was refused) and an exception would hide that.
#pragma once

#include <string>
#include <utility>
#include <variant>

namespace damon_schemes {

// What a failure means for the command's exit status (docs/exit-codes in README.md).
enum class ErrorKind {
    runtime = 1,      // something that works elsewhere did not work now
    usage = 2,        // the command line asks for something that makes no sense
    policy = 3,       // the policy file is wrong
    unsupported = 4,  // this kernel, or this user's permissions, cannot do it
};

struct Error {
    ErrorKind kind = ErrorKind::runtime;
    std::string message;  // one or more sentences for a person: what happened, and what to do next
    int code = 0;         // errno where a system call failed, else 0
};

inline Error unsupported(std::string message, int code = 0) {
    return {ErrorKind::unsupported, std::move(message), code};
}

template <typename T>
class [[nodiscard]] Result {
  public:
    Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
    Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

    explicit operator bool() const { return state_.index() == 0; }
    bool ok() const { return state_.index() == 0; }
    T& value() & { return std::get<0>(state_); }
    const T& value() const& { return std::get<0>(state_); }
    T&& value() && { return std::get<0>(std::move(state_)); }
    T& operator*() & { return value(); }
    const T& operator*() const& { return value(); }
    T* operator->() { return &value(); }
    const T* operator->() const { return &value(); }
    const Error& error() const { return std::get<1>(state_); }

  private:
    std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
  public:
    Result() = default;
    Result(Error error) : error_(std::move(error)), failed_(true) {}

    explicit operator bool() const { return !failed_; }
    bool ok() const { return !failed_; }
    const Error& error() const { return error_; }

  private:
    Error error_;
    bool failed_ = false;
};

}  // namespace damon_schemes
