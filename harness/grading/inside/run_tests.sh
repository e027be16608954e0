
{limits}
report=$(mktemp) place=$(mktemp -d)
cat > "$place/{control}.py" <<'CONTROL'
{plugin}
CONTROL
PYTHONPATH="$place${PYTHONPATH:+:$PYTHONPATH}" python -P -m pytest -p {control} \
  --junitxml="$report" -o junit_family=xunit1 -o addopts= -p no:cacheprovider \
  --color=no --tb=short -q {arguments} {files} >&2
code=$?
cat "$report"
exit $code
