
{limits}
RUN=$(cat <<'RUN'
{run}
RUN
)
report=$(mktemp)
sources=${PYTHONPATH-}
unset PYTHONPATH
SEQSWE_SOURCES="$sources" python -c "$RUN" \
  --junitxml="$report" {arguments} >&2
code=$?
cat "$report"
printf '\0'
times
exit $code
