
{limits}
# Not -m, which would put the checkout first on sys.path; -P is only there since Python 3.11.
PYTEST="import sys; sys.path.remove(''); import pytest; raise SystemExit(pytest.main())"
report=$(mktemp) place=$(mktemp -d)
cat > "$place/{control}.py" <<'CONTROL'
{plugin}
CONTROL
PYTHONPATH="$place${PYTHONPATH:+:$PYTHONPATH}" python -c "$PYTEST" -p {control} \
  --rootdir="$PWD" --junitxml="$report" -o junit_family=xunit1 -o addopts= -p no:cacheprovider \
  --color=no --tb=short -q {arguments} {files} >&2
code=$?
cat "$report"
exit $code
