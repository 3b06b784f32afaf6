// One function object of several lambdas, for std::visit over all alternatives of a variant.
#pragma once

namespace lockstep {

template <typename... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};
template <typename... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;

}  // namespace lockstep
