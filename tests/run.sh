#!/bin/sh
# Every check, as `make test` and continuous integration run it. STRICT=1 leaves nothing out.
set -eu
: "${BIN:=.venv/bin}"
left_out=""
# Images for containers often set this. Each worker would compile the application and rewrite the tests anew.
unset PYTHONDONTWRITEBYTECODE
# Tests wait for the disk at every commit: memory is quicker.
if [ -z "${TMPDIR:-}" ] && [ -d /dev/shm ] && [ -w /dev/shm ] && [ "$(df -Pk /dev/shm | awk 'NR==2 {print $4}')" -gt 2000000 ]; then
    export TMPDIR=/dev/shm
fi

leave_out() {
    if [ "${STRICT:-}" = 1 ]; then
        echo "STRICT=1, and $1 cannot run: $2" >&2
        exit 1
    fi
    left_out="$left_out $1 ($2);"
}

find_initdb() {
    command -v initdb || ls -d /usr/lib/postgresql/*/bin/initdb 2>/dev/null | tail -n 1
}

find_chromium() {
    for name in chromium chromium-browser google-chrome "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"; do
        command -v "$name" && return
    done
    ls -d "${PLAYWRIGHT_BROWSERS_PATH:-$HOME/.cache/ms-playwright}"/chromium-*/chrome-linux*/chrome 2>/dev/null | tail -n 1
}

step() {
    echo "== $1"
    shift
    "$@"
}

step "style" "$BIN/ruff" check .
step "format" "$BIN/ruff" format --check .
step "types" "$BIN/mypy"
step "layers" "$BIN/lint-imports" --no-logo
if [ -n "$(find_initdb)" ]; then
    # Without what cannot differ there: tests/conftest.py.
    step "tests on PostgreSQL" "$BIN/python" -m pytest -q -n auto --maxprocesses 4 --database postgresql
else
    leave_out "the tests on PostgreSQL" "initdb was not found; install postgresql"
fi
if [ -n "$(find_chromium)" ]; then
    step "tests in the browser" "$BIN/python" -m pytest -q -n auto --maxprocesses 2 -p no:hypothesispytest \
        --browser-tests tests/browser
else
    leave_out "the browser tests" "Chromium was not found; install chromium"
fi
# Last, so that the closing line is that of the whole suite.
if [ -n "$left_out" ]; then
    echo "Left out:${left_out%;}. STRICT=1 makes this an error."
fi
step "tests on SQLite" "$BIN/python" -m pytest -q -n auto --maxprocesses 4
