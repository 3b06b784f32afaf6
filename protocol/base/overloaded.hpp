// One visitor made of several lambdas, for std::visit: a variant's every alternative has its own, and the compiler
// says which one is missing.
#pragma once

namespace lockstep {

template <typename... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};
template <typename... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;

}  // namespace lockstep
