
{limits}
RUN=$(cat <<'RUN'
{run}
RUN
)
report=$(mktemp)
sources=${PYTHONPATH-}
unset PYTHONPATH
SEQSWE_SOURCES="$sources" python -c "$RUN" \
  --rootdir="$PWD" --junitxml="$report" -o junit_family=xunit1 -o addopts= -p no:cacheprovider \
  --color=no --tb=short -q {arguments} {files} >&2
code=$?
cat "$report"
printf '\0'
times
exit $code
