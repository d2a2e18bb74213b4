#!/usr/bin/env bash
# Read a ticker, place an order far from the market, read it, cancel it: bash, curl and openssl.
#
# STEELYARD_KEY and STEELYARD_SECRET are in the environment.
set -euo pipefail
BASE=${STEELYARD_URL:-http://127.0.0.1:8600}
BASE=${BASE%/}
: "${STEELYARD_KEY:?is not set: steelyard key create prints it}"
: "${STEELYARD_SECRET:?is not set: steelyard key create prints it}"

# HMAC-SHA256 by its definition: `openssl dgst -hmac SECRET` would show the secret to `ps`.
padded() {
  local i byte hex
  for ((i = 0; i < 64; i++)); do
    byte=0
    if ((i < ${#STEELYARD_SECRET})); then printf -v byte %d "'${STEELYARD_SECRET:i:1}"; fi
    printf -v hex %02x $((byte ^ $1))
    printf "\\x$hex"
  done
}
signature() {
  { padded 92; { padded 54; printf %s "$1"; } | openssl dgst -sha256 -binary; } |
    openssl dgst -sha256 -hex | sed 's/.*[ =]//'
}
call() {
  local method=$1 target=$2 body=${3-} timestamp nonce
  timestamp=$(($(date +%s%N) / 1000000))
  nonce=$(openssl rand -hex 16)
  # What it was refused for is shown, and ends the program.
  curl --silent --show-error --fail-with-body --write-out '\n' --request "$method" "$BASE$target" \
    --header "STEELYARD-KEY: $STEELYARD_KEY" \
    --header "STEELYARD-TIMESTAMP: $timestamp" \
    --header "STEELYARD-NONCE: $nonce" \
    --header "STEELYARD-SIGNATURE: $(signature "$timestamp$nonce$method$target$body")" \
    ${body:+--data-binary "$body"} || {
    echo "refused" >&2
    return 1
  }
}

curl --silent --show-error "$BASE/api/v1/ticker?symbol=BTC-USDT"; echo
placed=$(call POST /api/v1/orders \
  '{"symbol":"BTC-USDT","side":"buy","type":"limit","size":"0.001","price":"20000.00"}') || {
  echo "$placed"
  exit 1
}
echo "$placed"
number=$(sed 's/.*"order_id":\([0-9]*\).*/\1/' <<<"$placed")
call GET "/api/v1/orders/$number"
call DELETE "/api/v1/orders/$number"
