# Takes a job, works on it, says that it is done; for ever. On SIGTERM, which is how Swarm takes
# a replica away, it ends the job at hand first: scaling down loses none.
# (Debian's busybox crashes at `wget -T`, hence `timeout`.)
trap 'ended=yes' TERM
id=$(cat /proc/sys/kernel/random/uuid)
while [ -z "$ended" ]; do
    if ! job=$(timeout 5 wget -q -O - "$QUEUE/take?worker=$id"); then
        sleep 1
    elif [ -n "$job" ]; then
        sleep "$WORK"
        timeout 5 wget -q -O /dev/null --post-data= "$QUEUE/done/$job"
    fi
done
