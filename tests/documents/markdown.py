"""A document as the tests of documents see it: its fenced blocks, and the sentences of its prose."""
import re
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


def documents():
    """Every document that people read."""
    names = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"]
    return [REPOSITORY / name for name in names] + sorted((REPOSITORY / "docs").rglob("*.md"))


@dataclass
class Block:
    document: str
    line: int  # of the first line of its text
    kind: str  # the word after the backquotes
    orders: str  # what an HTML comment on the line before says to the test: <!-- test: ... -->
    text: str

    def place(self):
        return f"{self.document}:{self.line}"


FENCE = re.compile(r"^( *)```(.*)$")
ORDERS = re.compile(r"^ *<!-- test: (.*) -->$")


def blocks(path):
    """The fenced blocks of a document, in their order."""
    found, lines, at = [], path.read_text().split("\n"), 0
    while at < len(lines):
        opening = FENCE.match(lines[at])
        if opening:
            orders = ORDERS.match(lines[at - 1]) if at else None
            start = at = at + 1
            while not FENCE.match(lines[at]):
                at += 1
            indent = len(opening[1])
            text = "".join(line[indent:] + "\n" for line in lines[start:at])
            name = str(path.relative_to(REPOSITORY))
            found.append(Block(name, start + 1, opening[2].strip(), orders[1] if orders else "", text))
        at += 1
    return found


def headings(path):
    """The headings of a document, as links name them."""
    found, fenced = set(), False
    for line in path.read_text().split("\n"):
        fenced ^= FENCE.match(line) is not None
        if not fenced and re.match(r"#+ ", line):
            words = re.sub(r"[^\w\- ]", "", line.lstrip("# ").lower())
            found.add(words.replace(" ", "-"))
    return found


def paragraphs(path):
    """(line, text, whether it is prose) of every paragraph, item of a list and cell of a table, without blocks and headings."""
    found, current, fenced = [], [], False

    def end():
        if current:
            found.append((current[0][0], " ".join(text for _, text in current), True))
            current.clear()

    for number, line in enumerate(path.read_text().split("\n"), 1):
        if FENCE.match(line):
            end()
            fenced = not fenced
        elif fenced:
            continue
        elif line.startswith("|"):
            end()
            found += [(number, cell.strip(), False) for cell in line.strip("|").split("|") if not re.match(r"^:?-+:?$", cell)]
        elif not line.strip() or line.startswith("#") or re.match(r"^ *<", line):
            end()
        else:
            if re.match(r"^ *([-*]|\d+\.) ", line):
                end()
                line = re.sub(r"^ *([-*]|\d+\.) ", "", line)
            current.append((number, line.strip()))
    end()
    return found


# The end of a sentence: its mark, what closes with it, and then something that can begin another.
END = re.compile(r"(?<=[.!?])[)\"*]*\s+(?=[(\"*`]*[A-Z0-9`\[])")


def sentences(path):
    """(line, words, whether it is prose) of every sentence. What is quoted as code, and a link's address, is no word or one."""
    for line, text, prose in paragraphs(path):
        text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", text)
        text = re.sub(r"`[^`]*`", "CODE", text)
        for sentence in END.split(text):
            words = [word for word in sentence.split() if re.search(r"\w", word)]
            if words:
                yield line, words, prose
