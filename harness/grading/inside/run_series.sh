
{limits}
RUN=$(cat <<'RUN'
{run}
RUN
)
sources=${PYTHONPATH-}
unset PYTHONPATH
SEQSWE_SOURCES="$sources" exec python -c "$RUN" {arguments}
