"""A reader's shell, what it may show, and which options a program has."""
import os
import re
import select
import shlex
import subprocess
import tempfile
import time

MARK = "@@lockstep-documents"


class Shell:
    """One bash, in which commands follow each other as a reader types them."""

    def __init__(self, folder, environment):
        self.process = subprocess.Popen(
            ["bash"], cwd=folder, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )

    def run(self, command, seconds=1200):
        """(exit status, what was shown) of one command."""
        with tempfile.NamedTemporaryFile("w", suffix=".sh", delete=False) as script:
            script.write(command + "\n")
        order = f"source {script.name} </dev/null; printf '\\n{MARK} %d\\n' $?\n"
        self.process.stdin.write(order.encode())
        self.process.stdin.flush()
        shown, deadline = b"", time.monotonic() + seconds
        while True:
            found = re.search(rf"\n{MARK} (\d+)\n".encode(), shown)
            if found:
                os.unlink(script.name)
                return int(found[1]), shown[: found.start()].decode(errors="replace")
            readable, _, _ = select.select([self.process.stdout], [], [], max(0, deadline - time.monotonic()))
            more = os.read(self.process.stdout.fileno(), 65536) if readable else b""
            if not more:
                self.process.kill()
                why = f"no end within {seconds} s" if not readable else "the shell ended"
                return 124, shown.decode(errors="replace") + f"\n({why})"
            shown += more

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def commands(text):
    """The commands of a script, each as many lines as bash needs for it."""
    found, current = [], ""
    for line in text.split("\n"):
        current += line + "\n"
        if not line.endswith("\\") and subprocess.run(["bash", "-n"], input=current, text=True, capture_output=True).returncode == 0:
            if re.sub(r"(?m)^\s*#.*$", "", current).strip():
                found.append(current.strip("\n"))
            current = ""
    return found + ([current.strip("\n")] if current.strip() else [])


def exchanges(text):
    """(command, what it shows) of a console block."""
    found = []
    for line in text.rstrip("\n").split("\n"):
        if line.startswith("$ "):
            found.append((line[2:], []))
        elif not found:
            return []
        elif found[-1][0].endswith("\\"):
            found[-1] = (found[-1][0] + "\n" + line.removeprefix("> "), [])
        else:
            found[-1][1].append(line)
    return [(command, "\n".join(shown)) for command, shown in found]


BLANKED = [
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "<id>"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "<time>"),
    (r"[\w.-]+@[\w.-]+", "<user>@<host>"),
    (r"\b0x[0-9a-f]+\b", "<number>"),
    (r"\d[\d,]*(\.\d+)?( ?(ns|us|ms|s|min|m|h)\b)?", "<number>"),
    (r"[ \t]+", " "),
]


def blank(text):
    """What is shown, without what differs from run to run: ids, times, durations, numbers, and the width of columns."""
    for pattern, instead in BLANKED:
        text = re.sub(pattern, instead, text)
    return "\n".join(line.strip() for line in text.strip("\n").split("\n"))


def shows(expected, actual):
    """Whether that is what the document shows. A line of three dots stands for any lines."""
    lines = [r"(?:.*\n)*?" if line == "..." else re.escape(line) + r"\n" for line in blank(expected).split("\n")]
    return re.fullmatch("".join(lines), blank(actual) + "\n") is not None


def parts(command):
    """The words of each program of a command line, without variables, comments and redirections."""
    lexer = shlex.shlex(command.replace("\\\n", " "), posix=True, punctuation_chars="|&;<>")
    lexer.whitespace_split = True
    words, found = list(lexer), [[]]
    for word in words:
        if set(word) <= set("|&;"):
            found.append([])
        elif found[-1] or not re.match(r"^[A-Za-z_]\w*=", word):
            found[-1].append(word)
    return [part for part in found if part]


def unknown_option(words, help_of):
    """What a command line has that its program's help does not have; empty: nothing. `help_of` is given the words before
    the first option."""
    options = [re.split(r"=", word)[0] for word in words[1:] if re.match(r"^--?[A-Za-z]", word)]
    if "--" in words:
        options = [word for word in options if words.index(word) < words.index("--")]
    text = help_of(words)
    if text is None:
        return f"{words[0]} is not there, or has no --help"
    missing = [option for option in options if not re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", text)]
    return f"{words[0]} --help does not name {', '.join(missing)}" if missing else ""
