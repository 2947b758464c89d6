# SPDX-License-Identifier: Apache-2.0
"""The files that the program makes of its own tables are not stale, and their readers take them."""

import re
import shutil
import subprocess

import pytest

from harness import process

MADE = {
    "docs/CONFIGURATION.md": ["--markdown"],
    "docs/parquet-consumer.1": ["--man"],
    "deploy/completions/parquet-consumer.bash": ["--completion", "bash"],
    "deploy/completions/_parquet-consumer": ["--completion", "zsh"],
    "deploy/completions/parquet-consumer.fish": ["--completion", "fish"],
}


@pytest.mark.parametrize("path", MADE)
def test_the_file_is_what_the_program_prints(path):
    done = process.execute("help", *MADE[path])
    done.expect(0)
    assert (process.ROOT / path).read_text() == done.stdout, (
        f"{path} is stale: parquet-consumer help {' '.join(MADE[path])} > {path}")


@pytest.mark.parametrize(("shell", "path"), [
    ("bash", "deploy/completions/parquet-consumer.bash"),
    ("zsh", "deploy/completions/_parquet-consumer"),
    ("fish", "deploy/completions/parquet-consumer.fish"),
])
def test_the_shell_parses_its_completion(shell, path):
    if shutil.which(shell) is None:
        pytest.skip(f"not run: no {shell}")
    subprocess.run([shell, "-n", process.ROOT / path], check=True)


def completions(*words):
    script = f"""source {process.ROOT}/deploy/completions/parquet-consumer.bash
COMP_WORDS=({' '.join(f"'{word}'" for word in words)}); COMP_CWORD={len(words) - 1}
_parquet_consumer; echo "${{COMPREPLY[@]}}\""""
    done = subprocess.run(["bash", "-c", script], check=True, capture_output=True, text=True)
    return done.stdout.split()


def test_bash_completes_commands_flags_and_values():
    assert set(completions("parquet-consumer", "ver")) == {"verify", "version"}
    assert completions("parquet-consumer", "verify", "--dee") == ["--deep"]
    assert "--max-file-age" in completions("parquet-consumer", "run", "--max-file")
    assert completions("parquet-consumer", "run", "--compression-codec", "z") == ["zstd"]


def test_no_flag_is_offered_twice():
    """Some commands have a flag by the name of an option, of another meaning (--schema-version)."""
    fish = (process.ROOT / "deploy/completions/parquet-consumer.fish").read_text()
    zsh = (process.ROOT / "deploy/completions/_parquet-consumer").read_text()
    everywhere = re.findall(r"^        '(--[a-z0-9-]+)", zsh.partition("options=(")[2].partition(
        "\n    )")[0], re.M)
    arms = re.findall(r"^    ([a-z-]+)\) (options=.*?; )?arguments\+=\((.*?)\n        \) ;;", zsh,
                      re.M | re.S)
    assert {"files", "repair", "backup"} <= {command for command, _, _ in arms}
    for command, without, own in arms:
        offered = completions("parquet-consumer", command, "--")
        assert len(offered) == len(set(offered)), command

        left_out = re.findall(r"#(--[a-z0-9-]+)=\*", without)
        offered = re.findall(r"'(--[a-z0-9-]+)", own)
        if "$options" in own:
            offered += [flag for flag in everywhere if flag not in left_out]
        assert len(offered) == len(set(offered)), command

        offered = []
        for condition, flag in re.findall(
                r"^complete -c parquet-consumer(?: -n '([^']*)')? -l ([a-z0-9-]+)", fish, re.M):
            words = condition.split()
            is_typed = command in words
            if not condition or (words[0] == "not") != is_typed:
                offered.append(flag)
        assert len(offered) == len(set(offered)), command


def test_an_unknown_shell_is_refused():
    process.execute("help", "--completion", "tcsh").expect(2).says("tcsh", "bash, zsh or fish")


def test_the_manual_page_has_no_roff_mistakes():
    if shutil.which("groff") is None:
        pytest.skip("not run: no groff")
    done = subprocess.run(["groff", "-man", "-Tutf8", "-ww", process.ROOT / "docs/parquet-consumer.1"],
                          capture_output=True, text=True)
    assert done.returncode == 0 and done.stderr == ""
    assert re.sub(".\x08", "", done.stdout).count("EXIT STATUS") == 1  # bold is overstruck
