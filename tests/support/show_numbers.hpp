// Lets doctest print the protocol's numbers in failed checks.
#pragma once

#include <doctest/doctest.h>

#include "protocol/base/types.hpp"

template <typename Tag>
struct doctest::StringMaker<lockstep::Ordinal<Tag>> {
  static doctest::String convert(lockstep::Ordinal<Tag> value) { return doctest::toString(value.value()); }
};

template <typename Tag>
struct doctest::StringMaker<lockstep::Identifier<Tag>> {
  static doctest::String convert(lockstep::Identifier<Tag> value) { return doctest::toString(value.value()); }
};
