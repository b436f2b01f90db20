// SPDX-License-Identifier: MIT
#include "benchmarks/parsec/suite/blackscholes.h"

#include <charconv>
#include <cmath>
#include <stdexcept>

namespace damon_schemes::parsec {
namespace {

// The normal distribution's cumulated density by a polynomial: Abramowitz and Stegun, "Handbook of
// mathematical functions" (1964), 26.2.17; its error is below 7.5e-8.
float normal_share_below(float x) {
    const float size = std::fabs(x);
    const float k = 1 / (1 + 0.2316419F * size);
    const float polynomial =
        k * (0.319381530F +
             k * (-0.356563782F + k * (1.781477937F + k * (-1.821255978F + k * 1.330274429F))));
    const float above = 0.39894228F * std::exp(-0.5F * size * size) * polynomial;
    return x < 0 ? above : 1 - above;
}

// The next word of a line.
std::string_view take_word(std::string_view& line) {
    const std::size_t begin = line.find_first_not_of(' ');
    line.remove_prefix(begin == std::string_view::npos ? line.size() : begin);
    const std::string_view word = line.substr(0, line.find(' '));
    line.remove_prefix(word.size());
    return word;
}

template <class T>
T take_number(std::string_view& line, const char* name) {
    const std::string_view word = take_word(line);
    T number{};
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
    if (error != std::errc() || end != word.data() + word.size())
        throw std::invalid_argument(std::string(name) + " is '" + std::string(word) +
                                    "', and should be a number");
    return number;
}

float take_positive(std::string_view& line, const char* name) {
    const auto number = take_number<float>(line, name);
    if (!(number > 0) || !std::isfinite(number))
        throw std::invalid_argument(std::string(name) + " must be above 0");
    return number;
}

}  // namespace

float black_scholes(const OptionTerms& terms) {
    const float deviation = terms.volatility * std::sqrt(terms.years);
    const float d1 = (std::log(terms.spot / terms.strike) +
                      (terms.rate + 0.5F * terms.volatility * terms.volatility) * terms.years) /
                     deviation;
    const float discounted = terms.strike * std::exp(-terms.rate * terms.years);
    const float n1 = normal_share_below(d1);
    const float n2 = normal_share_below(d1 - deviation);
    if (terms.type == OptionType::call) return terms.spot * n1 - discounted * n2;
    return discounted * (1 - n2) - terms.spot * (1 - n1);
}

OptionRecord parse_option(std::string_view line) {
    OptionRecord record;
    const std::string_view type = take_word(line);
    if (type != "C" && type != "P")
        throw std::invalid_argument("the type is '" + std::string(type) +
                                    "', and should be C or P");
    record.terms.type = type == "C" ? OptionType::call : OptionType::put;
    record.terms.spot = take_positive(line, "the spot price");
    record.terms.strike = take_positive(line, "the strike");
    record.terms.rate = take_positive(line, "the rate");
    record.terms.volatility = take_positive(line, "the volatility");
    record.terms.years = take_positive(line, "the time");
    record.account = take_number<std::uint32_t>(line, "the account");
    record.quantity = take_number<float>(line, "the quantity");
    record.reference = take_number<float>(line, "the reference");
    if (!take_word(line).empty())
        throw std::invalid_argument("there is more than the nine fields of an option");
    return record;
}

Portfolio::Portfolio(Ledger& ledger, std::size_t capacity)
    : records_(ledger, capacity),
      spot_(ledger, capacity),
      strike_(ledger, capacity),
      rate_(ledger, capacity),
      volatility_(ledger, capacity),
      years_(ledger, capacity),
      type_(ledger, capacity),
      value_(ledger, capacity) {}

void Portfolio::parse(std::string_view text) {
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        const auto fail = [&](const std::string& why) {
            throw std::invalid_argument("option " + std::to_string(size_ + 1) + ": " + why);
        };
        if (end == std::string_view::npos) fail("the line has no end");
        if (size_ == records_.size()) fail("there was room for fewer");
        try {
            records_[size_] = parse_option(text.substr(0, end));
        } catch (const std::invalid_argument& error) {
            fail(error.what());
        }
        ++size_;
        text.remove_prefix(end + 1);
    }
}

void Portfolio::lay_out() {
    for (std::size_t i = 0; i < size_; ++i) {
        const OptionTerms& terms = records_[i].terms;
        spot_[i] = terms.spot;
        strike_[i] = terms.strike;
        rate_[i] = terms.rate;
        volatility_[i] = terms.volatility;
        years_[i] = terms.years;
        type_[i] = terms.type;
    }
}

OptionTerms Portfolio::terms_of(std::size_t i) const {
    return {spot_[i], strike_[i], rate_[i], volatility_[i], years_[i], type_[i]};
}

void Portfolio::value() {
    for (std::size_t i = 0; i < size_; ++i) value_[i] = black_scholes(terms_of(i));
}

double Portfolio::total() const {
    double total = 0;
    for (std::size_t i = 0; i < size_; ++i)
        total += static_cast<double>(records_[i].quantity) * static_cast<double>(value_[i]);
    return total;
}

std::string Portfolio::check() const {
    for (std::size_t i = 0; i < size_; ++i) {
        const float value = value_[i];
        // What single precision leaves of a difference of two numbers of this size.
        const float tolerance = 1e-5F * (spot_[i] + strike_[i]);
        const auto wrong = [&](const char* what, float expected) {
            return "option " + std::to_string(i + 1) + " is worth " + std::to_string(value) +
                   ", by " + what + " " + std::to_string(expected);
        };
        if (!(std::fabs(value - records_[i].reference) <= tolerance))
            return wrong("its reference", records_[i].reference);
        // Every so many: the counterpart is priced for this alone.
        if (i % 16 != 0) continue;
        OptionTerms other = terms_of(i);
        other.type = other.type == OptionType::call ? OptionType::put : OptionType::call;
        const float forward = other.spot - other.strike * std::exp(-other.rate * other.years);
        const float parity =
            black_scholes(other) + (other.type == OptionType::put ? forward : -forward);
        if (!(std::fabs(value - parity) <= tolerance)) return wrong("put-call parity", parity);
    }
    return {};
}

}  // namespace damon_schemes::parsec
