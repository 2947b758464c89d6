# Made by `parquet-consumer help --completion bash`; don't edit.
_parquet_consumer()
{
    local current=${COMP_WORDS[COMP_CWORD]}
    local previous=${COMP_WORDS[COMP_CWORD-1]}
    local command=${COMP_WORDS[1]} words='' options=' --service-name --service-version --ttp-processor-endpoint --start-ledger --end-ledger --batch-size --flush-interval --network --connect-timeout --idle-timeout --retry-initial --retry-max --max-attempts --on-poison-ledger --on-gap --give-up-after --streams --lease-ledgers --lease-ttl --max-message-size --tls --tls-ca-file --tls-cert-file --tls-key-file --tls-server-name --metadata --output-path --catalog --catalog-schema --s3-endpoint --s3-region --s3-path-style --staging-path --require-lake --compact-closed --retention --snapshot-retention --reader-data-path --partitioning-scheme --max-file-size --max-file-age --compression-codec --compression-level --row-group-rows --page-size --bloom-filters --encoding-profile --schema-version --enable-schema-evolution --memory-limit --encode-threads --min-free-disk --verify-files --stop-timeout --health-port --metrics-port --bind-address --log-level --log-format '
    case $previous in
    --on-poison-ledger) words='stop skip' ;;
    --on-gap) words='warn fail' ;;
    --tls) words='true false' ;;
    --s3-path-style) words='true false' ;;
    --require-lake) words='true false' ;;
    --compact-closed) words='true false' ;;
    --partitioning-scheme) words='date date_hour date_hour_type simple' ;;
    --compression-codec) words='none snappy gzip lz4 zstd brotli' ;;
    --bloom-filters) words='true false' ;;
    --encoding-profile) words='compatible compact' ;;
    --schema-version) words='1.0.0 1.1.0' ;;
    --enable-schema-evolution) words='true false' ;;
    --verify-files) words='off footer pages values' ;;
    --log-level) words='debug info warn error' ;;
    --log-format) words='auto json text' ;;
    esac
    if [ -z "$words" ]; then
        case $command in
        run) words="--help --include-pruned --dry-run --report --config $options" ;;
        demo) words="--help" ;;
        replay) words="--help --listen --live --pace --fault --tls-cert-file --tls-key-file --tls-client-ca-file" ;;
        record) words="--help --config $options" ;;
        generate) words="--help --seed --first-ledger --ledgers --events --start-time --out --listen --pace --rows --tls-cert-file --tls-key-file --tls-client-ca-file" ;;
        status) words="--help --json --config $options" ;;
        verify) words="--help --deep --against --sample --json --config $options" ;;
        repair) options=${options/ --schema-version / }; words="--help --deep --unconfirmed --schema-version --discard-changes --dry-run --config $options" ;;
        rebuild) words="--help --dry-run --config $options" ;;
        prune) words="--help --older-than --before --before-ledger --dry-run --json --config $options" ;;
        backup) options=${options/ --catalog / }; options=${options/ --catalog-schema / }; words="--help --link --catalog --catalog-schema --mirror --dry-run --json --config $options" ;;
        compact) words="--help --partition --smaller-than --dry-run --json --config $options" ;;
        expire) words="--help --older-than --dry-run --json --config $options" ;;
        relocate) words="--help --dry-run --json --config $options" ;;
        dead-letters) words="--help --since --until --dry-run --json --config $options" ;;
        files) options=${options/ --schema-version / }; words="--help --since --until --schema-version --json --config $options" ;;
        inspect) words="--help --json --config $options" ;;
        check-config) words="--help --json --config $options" ;;
        version) words="--help" ;;
        help) words="--help --markdown --man --completion" ;;
        *) words="--help --config $options" ;;
        esac
    fi
    if [ "$COMP_CWORD" = 1 ]; then
        words="$words run demo replay record generate status verify repair rebuild prune backup compact expire relocate dead-letters files inspect check-config version help"
    fi
    COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _parquet_consumer parquet-consumer
