# Verification of signed applications against the RSA and ECDSA operations in it.
mkdir "$work/card"
echo
echo "### Signed applications: verification against the operations it contains"
echo
echo "Chain, revocation list and signature of applications signed with different cards, on one core: two verifications of a signature each (the authority's key is RSA-2048). The limit is these two alone, with keys made ready, as \`openssl speed\` measures them. Goal: 80 %."
echo
echo "| card's key | verified / limit | verified per second | limit |"
echo "|---|---:|---:|---:|"
"$BUILD/bench_card" "$work/card" | while read -r key verified limit; do
	awk -v k="$key" -v v="$verified" -v l="$limit" 'BEGIN { printf "| %s | **%.0f %%** | %d | %d |\n", k, 100 * v / l, v, l }'
done
