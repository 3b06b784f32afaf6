"""Small faults for a source: each is one edit that programmers make, and that tests should see.

A fault is known by its file, its function and the lines before and after, never by a line's number. So its place in a
drawing, and what equivalent.txt says of it, outlive changes elsewhere.
"""
import difflib
import hashlib
from dataclasses import dataclass

from cpp import is_spaced, tokens_of

BOUNDARIES = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "=="}
LOGIC = {"&&": "||", "||": "&&"}
WORDS = {"min": "max", "max": "min", "true": "false", "false": "true"}
ASSIGNMENTS = {"=", "+=", "-=", "|=", "&=", "++", "--"}
NO_STATEMENT = {"return", "throw", "break", "continue", "using", "delete", "new", "co_return", "if", "else", "for", "while", "do",
                "switch", "case", "default", "try", "catch", "static_assert", "sizeof"}
WITHOUT_EFFECT = {"reserve"}  # calls that nobody could miss


@dataclass(frozen=True)
class Fault:
    path: str
    line: int
    kind: str
    function: str
    removed: tuple  # whole lines, without the blanks around them
    added: tuple
    occurrence: int  # among the faults of this file with the same lines
    start: int  # what stands from here
    end: int  # up to here
    text: str  # becomes this

    @property
    def content(self):
        return self.path, self.function, self.removed, self.added

    def one_line(self):
        return f"{' '.join(self.removed)}  =>  {' '.join(self.added) or '(nothing)'}"

    def planted(self, original):
        return original[:self.start] + self.text + original[self.end:]

    def patch(self, original):
        lines = difflib.unified_diff(original.splitlines(True), self.planted(original).splitlines(True),
                                     f"a/{self.path}", f"b/{self.path}")
        return f"diff --git a/{self.path} b/{self.path}\n" + "".join(lines)


def faults_of(path, source, siblings):
    """Every fault of this source. `siblings` has the fields that may be taken for one another: see siblings_of."""
    tokens = tokens_of(source)
    if any(token.function == "main" for token in tokens):
        return []  # of a program, which has no library to be linked before
    maker = _Maker(source, tokens, siblings)
    faults, seen = [], {}
    for kind, token, start, end, text in sorted(maker.edits(), key=lambda edit: (edit[2], edit[3], edit[0], edit[4])):
        removed, added = _changed_lines(source, source[:start] + text + source[end:])
        known = (token.function, removed, added)
        seen[known] = seen.get(known, -1) + 1
        faults.append(Fault(path, token.line, kind, token.function or "-", removed, added, seen[known], start, end, text))
    return faults


def drawn(faults, seed):
    """All faults in the order of this seed: one of each kind, then the next of each. What one of them is compared with
    decides its place among its kind, so a change of the tree leaves the others in their order."""
    def rank(fault):
        words = [str(seed), fault.kind, *map(str, fault.content), str(fault.occurrence)]
        return hashlib.sha256("\0".join(words).encode()).digest()

    kinds = {}
    for fault in sorted(faults, key=rank):
        kinds.setdefault(fault.kind, []).append(fault)
    rounds = ((place, rank(fault), fault) for same in kinds.values() for place, fault in enumerate(same))
    return [fault for _, _, fault in sorted(rounds, key=lambda one: one[:2])]


def siblings_of(sources):
    """For each field the others of its struct that have the same type, spelled the same. A field of that name may belong to
    another struct: then the compiler refuses the fault."""
    found = {}
    for source in sources:
        tokens = tokens_of(source)
        for i, token in enumerate(tokens):
            if token.is_type:
                for names in _fields(tokens, i).values():
                    for name in names:
                        found.setdefault(name, set()).update(set(names) - {name})
    return {name: sorted(others) for name, others in found.items() if others}


def _fields(tokens, opening):
    """The fields between these braces, by type."""
    fields, statement = {}, []
    i = opening + 1
    while i < tokens[opening].partner:
        token = tokens[i]
        if token.text == ";" or (token.text == ":" and statement and statement[-1] in ("public", "private", "protected")):
            _note_field(statement, fields)
            statement = []
        elif token.partner > i:
            statement.append(token.text)
            i = token.partner
            if token.function or token.is_type:  # a body ends without a semicolon; what follows the braces of a type is no field
                statement = []
        else:
            statement.append(token.text)
        i += 1
    return fields


def _note_field(statement, fields):
    for stop in ("=", "{"):
        if stop in statement:
            statement = statement[:statement.index(stop)]
    if len(statement) < 2 or "(" in statement or {"using", "friend", "static", "enum", "typedef"} & set(statement):
        return
    if statement[-1].isidentifier():
        fields.setdefault(" ".join(statement[:-1]), []).append(statement[-1])


def _changed_lines(before, after):
    """The lines that differ, without their indentation, from the first to the last."""
    old, new = before.split("\n"), after.split("\n")
    start = 0
    while start < min(len(old), len(new)) and old[start] == new[start]:
        start += 1
    end = 0
    while end < min(len(old), len(new)) - start and old[-1 - end] == new[-1 - end]:
        end += 1

    def lines(text):
        return tuple(line.strip() for line in text[start:len(text) - end] if line.strip())

    return lines(old), lines(new)


class _Maker:
    """Every edit as (kind, token where it begins, start, end, what is there instead)."""

    def __init__(self, source, tokens, siblings):
        self.source = source
        self.tokens = tokens
        self.siblings = siblings

    def edits(self):
        for i, token in enumerate(self.tokens):
            if token.is_spared or token.kind == "text":
                continue
            yield from self.of_constant(i, token)
            if token.function:
                yield from self.of_mark(token)
                yield from self.of_if(i, token)
                yield from self.of_else(i, token)
                yield from self.of_statement(i, token)
                yield from self.of_field(i, token)

    def text(self, i):
        return self.tokens[i].text if 0 <= i < len(self.tokens) else ""

    def replaced(self, kind, token, text):
        return kind, token, token.start, token.end, text

    def of_mark(self, token):
        if is_spaced(self.source, token):
            if token.text in BOUNDARIES:
                yield self.replaced("boundary", token, BOUNDARIES[token.text])
            if token.text in LOGIC:
                yield self.replaced("logic", token, LOGIC[token.text])

    def of_constant(self, i, token):
        before = self.tokens[i - 1] if i else token
        is_argument_of_template = before.text == "<" and not is_spaced(self.source, before)
        if token.kind == "number" and token.text.isdigit() and before.text != "case" and not is_argument_of_template:
            yield self.replaced("constant", token, "0" if token.text == "1" else str(int(token.text) + 1))
        # std::min(a, b), not a limit of a type: that of numeric_limits has no argument.
        elif token.kind == "word" and token.text in WORDS and token.function:
            is_word_alone = token.text in ("true", "false") and before.text != "case"
            is_of_two = self.text(i + 1) == "(" and self.text(i + 2) != ")" and self.text(i - 2) == "std"
            if is_word_alone or is_of_two:
                yield self.replaced("constant", token, WORDS[token.text])

    def of_if(self, i, token):
        if token.text != "if" or self.text(i + 1) != "(":
            return
        closing = self.tokens[i + 1].partner
        first = i + 2
        for at in self.top_level(i + 2, closing):
            if self.text(at) == ";":
                first = at + 1
        if not any(self.text(at) == "=" for at in self.top_level(first, closing)):
            start, end = self.tokens[first].start, self.tokens[closing].start
            yield "branch", self.tokens[first], start, end, f"!({self.source[start:end]})"
        after = closing + 1
        if self.text(after) == "return":
            end = self.end_of_statement(after)
            if self.text(end + 1) != "else":
                yield "return", token, token.start, self.tokens[end].end, "{}"

    def of_else(self, i, token):
        if token.text == "else":
            end = self.end_of_statement(i + 1)
            yield "else", token, self.tokens[i - 1].end, self.tokens[end].end, ""

    def of_statement(self, i, token):
        """A call or an assignment on one line, whose value nobody takes."""
        if not (self.text(i - 1) in (";", "{", "}", "else", "do") or self.closes_condition(i - 1)) or token.text in NO_STATEMENT:
            return
        end, last = self.end_of_operand(i)
        is_call = last == ")" and self.text(end) == ";" and self.text(self.tokens[end - 1].partner - 1) not in WITHOUT_EFFECT
        is_step = token.text in ("++", "--")
        if last is None or not (is_call or is_step or self.text(end) in ASSIGNMENTS):
            return
        if any(inner.is_spared for inner in self.tokens[i:end]):
            return
        end = self.end_of_statement(end)
        if self.text(end) == ";" and self.tokens[end].line == token.line:
            yield "statement", token, token.start, self.tokens[end].end, "{}"

    def closes_condition(self, i):
        return self.text(i) == ")" and self.text(self.tokens[i].partner - 1) in ("if", "for", "while")

    def end_of_operand(self, i):
        """Where `a.b(c)->d[e]` or `*a` ends, and with what. (i, None) if nothing of this form begins here."""
        while self.text(i) in ("*", "++", "--"):
            i += 1
        if self.tokens[i].kind != "word" or self.tokens[i].is_spared or self.text(i) in NO_STATEMENT:
            return i, None
        i += 1
        while i < len(self.tokens):
            if self.text(i) in (".", "->", "::") and self.tokens[i + 1].kind == "word":
                i += 2
            elif self.text(i) in ("(", "["):
                i = self.tokens[i].partner + 1
            else:
                break
        return i, self.text(i - 1)

    def of_field(self, i, token):
        if token.kind != "word" or self.text(i + 1) in ("(", "::") or token.text not in self.siblings:
            return
        is_own = token.text.endswith("_") and self.text(i - 1) not in (".", "->", "::")
        if is_own or (self.text(i - 1) in (".", "->") and self.text(i - 2) not in ("{", ",")):
            for other in self.siblings[token.text]:
                yield self.replaced("field", token, other)

    def top_level(self, start, end):
        """The tokens of this range that stand in no brackets of their own, up to the bracket that closes them all."""
        while start < end and not 0 <= self.tokens[start].partner < start:
            yield start
            start = self.tokens[start].partner + 1 if self.tokens[start].partner > start else start + 1

    def end_of_statement(self, i):
        """The last token of the statement that begins here, or goes on here."""
        if self.text(i) == "{":
            return self.tokens[i].partner
        if self.text(i) in ("if", "for", "while"):
            opening = i + 2 if self.text(i + 1) == "constexpr" else i + 1
            end = self.end_of_statement(self.tokens[opening].partner + 1)
            if self.text(i) == "if" and self.text(end + 1) == "else":
                end = self.end_of_statement(end + 2)
            return end
        return next((at for at in self.top_level(i, len(self.tokens)) if self.text(at) == ";"), i)
