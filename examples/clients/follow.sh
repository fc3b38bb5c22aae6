#!/usr/bin/env bash
# Follows an order with curl: ./follow.sh URL ORDER_ID
# Prints each event as JSON. Resumes after a restart of the gateway, and stops when the order is final (status 204).
url=$1
query='subscription ($id: ID!) { orderUpdated(id: $id, afterSequence: 0) { sequence state } }'
last=
while :; do
  while IFS= read -r line; do
    case $line in
      'id: '*) next=${line#id: } ;;
      'data: '*) printf '%s\n' "${line#data: }"; last=$next ;;
      'HTTP 204') exit 0 ;;
    esac
  done < <(curl --silent --no-buffer --get "$url" --write-out 'HTTP %{http_code}\n' \
    --header 'accept: text/event-stream' ${last:+--header "last-event-id: $last"} \
    --data-urlencode "query=$query" --data-urlencode "variables={\"id\":\"$2\"}")
  sleep 1
done
