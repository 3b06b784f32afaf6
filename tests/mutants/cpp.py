"""C++ as the drawing of faults sees it: tokens, and where each of them stands.

It relies on what clang-format makes of this tree: a comparison has blanks on both sides, the angle bracket of a template
has not. Comments and preprocessor lines are no tokens.
"""
from dataclasses import dataclass

# The longest first, as the compiler takes them.
PUNCTUATORS = sorted(
    "<=> <<= >>= ->* ... :: -> ++ -- << >> <= >= == != && || += -= *= /= %= &= |= ^= .* { } ( ) [ ] ; : ? . + - * / % ^ & | "
    "~ ! = < > , # @ \\ ` $".split(), key=len, reverse=True)
PAIRS = {"(": ")", "[": "]", "{": "}"}
ASSERTIONS = {"INVARIANT", "static_assert", "check_invariants"}
TYPE_WORDS = {"struct", "class", "union", "enum"}


@dataclass
class Token:
    kind: str  # word, number, text (a string or a character) or mark
    text: str
    start: int  # in the source
    line: int
    partner: int = -1  # of a bracket: the token that closes or opens it
    function: str = ""  # in whose body it stands; "" outside of functions
    is_spared: bool = False  # in an assertion: no fault is made of it
    is_type: bool = False  # of a brace: it opens the members of a struct or class

    @property
    def end(self):
        return self.start + len(self.text)


def tokens_of(source):
    """The tokens of a source, with their partners and places."""
    tokens = list(_scan(source))
    _pair(tokens)
    _place(tokens)
    _spare(tokens)
    return tokens


def is_spaced(source, token):
    return source[token.start - 1:token.start] in (" ", "\n") and source[token.end:token.end + 1] in (" ", "\n")


# ---- Tokens

def _scan(source):
    at = 0
    line = 1
    while at < len(source):
        kind, end = _next(source, at)
        if kind not in ("blank", "comment", "directive"):
            yield Token(kind, source[at:end], at, line)
        line += source.count("\n", at, end)
        at = end


def _next(source, at):
    character = source[at]
    if character.isspace():
        return "blank", at + 1
    if source.startswith("//", at):
        return "comment", _end_of_line(source, at)
    if source.startswith("/*", at):
        return "comment", _after(source, "*/", at + 2)
    if character == "#" and not source[source.rfind("\n", 0, at) + 1:at].strip():
        return "directive", _end_of_line(source, at)
    if character in "\"'":
        return "text", _end_of_text(source, at)
    if character.isdigit() or (character == "." and source[at + 1:at + 2].isdigit()):
        return "number", _end_of_number(source, at)
    if character.isalpha() or character == "_":
        end = at
        while end < len(source) and (source[end].isalnum() or source[end] == "_"):
            end += 1
        if source[end:end + 1] == '"' and source[at:end] in ("R", "u8R", "LR", "uR", "UR"):
            opening = source.index("(", end)
            return "text", _after(source, ")" + source[end + 1:opening] + '"', opening)
        return "word", end
    return "mark", at + len(next(mark for mark in PUNCTUATORS if source.startswith(mark, at)))


def _after(source, what, at):
    return source.index(what, at) + len(what)


def _end_of_line(source, at):
    """A line that ends with a backslash goes on."""
    while True:
        at = source.find("\n", at)
        if at < 0:
            return len(source)
        if source[at - 1] != "\\":
            return at
        at += 1


def _end_of_text(source, at):
    quote = source[at]
    at += 1
    while source[at] != quote:
        at += 2 if source[at] == "\\" else 1
    return at + 1


def _end_of_number(source, at):
    exponents = "pP" if source.startswith("0x", at) else "eE"
    while at < len(source) and (source[at].isalnum() or source[at] in "._'" or
                                (source[at] in "+-" and source[at - 1] in exponents)):
        at += 1
    return at


# ---- Where they stand

def _pair(tokens):
    opened = []
    for i, token in enumerate(tokens):
        if token.kind != "mark":
            continue
        if token.text in PAIRS:
            opened.append(i)
        elif token.text in PAIRS.values():
            token.partner = opened.pop()
            tokens[token.partner].partner = i


def _spare(tokens):
    for i, token in enumerate(tokens):
        if token.text in ASSERTIONS and i + 1 < len(tokens) and tokens[i + 1].text == "(":
            for spared in tokens[i:tokens[i + 1].partner + 1]:
                spared.is_spared = True
        if token.function.endswith("check_invariants"):
            token.is_spared = True


def _place(tokens):
    """Says of each token in whose body it is: of the outermost function, since a lambda is a part of it."""
    head = 0  # where the present statement outside of functions begins
    i = 0
    while i < len(tokens):
        token = tokens[i]
        if token.text in (";", "}") and token.kind == "mark":
            head = i + 1
        elif token.text == "(" and token.kind == "mark":
            i = token.partner  # arguments have braces of their own
        elif token.text == "{" and token.kind == "mark":
            words = [one.text for one in tokens[head:i]]
            if "namespace" in words or "extern" in words:
                head = i + 1
            elif TYPE_WORDS & set(words) and "(" not in words:
                token.is_type = True
                head = i + 1
            else:
                name = _function_name(tokens[head:i])
                for inner in tokens[i:token.partner + 1]:
                    inner.function = name
                i = token.partner
                # The braces of a member that a constructor initialises belong to its head, those of a value to a statement.
                after = tokens[i + 1].text if i + 1 < len(tokens) else ""
                if after not in (",", "{", ";"):
                    head = i + 1
        i += 1


def _function_name(head):
    """`Log::append` of `void Log::append(Entry entry)`; "" of what is no function."""
    texts = [token.text for token in head]
    if "(" not in texts or "=" in texts[:texts.index("(")]:
        return ""
    at = texts.index("(")
    if at and texts[at - 1] == "operator":  # operator()
        return "operator()"
    start = at - 1
    while start > 0 and texts[start - 1] in ("::", "~", "operator"):
        start -= 2 if texts[start - 1] == "::" else 1
    return "".join(texts[max(start, 0):at])
