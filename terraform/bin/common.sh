# shellcheck shell=bash
# Sourced by the commands of this folder. They take the environment (staging or production) first, and need the AWS command line
# with the rights of an operator, terraform, jq, and the state's bucket (terraform init has been run in envs/ENVIRONMENT).
set -euo pipefail
umask 077

environment=${1:?"usage: $(basename "$0") staging|production …"}
case "$environment" in staging | production) ;; *) echo "no such environment: $environment" >&2; exit 2 ;; esac
shift

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
name=dalkom-$environment
export AWS_REGION=ap-northeast-2

for tool in aws terraform jq; do
  command -v "$tool" >/dev/null || { echo "$tool is missing" >&2; exit 1; }
done

# A part of what Terraform says of the shop: shop '.database.address'
shop() { terraform -chdir="$root/terraform/envs/$environment" output -json shop | jq -er "$1"; }

has_value() { aws secretsmanager get-secret-value --secret-id "$name/$1" --query VersionId --output text >/dev/null 2>&1; }

secret() { aws secretsmanager get-secret-value --secret-id "$name/$1" --query SecretString --output text; }

# Takes the value from standard input and hands it on in a file, because everybody on a machine sees arguments.
put_secret() {
  local file
  file=$(mktemp)
  cat > "$file"
  aws secretsmanager put-secret-value --secret-id "$name/$1" --secret-string "file://$file" >/dev/null
  rm -f "$file"
  echo "$1: written"
}

# 40 letters and digits, from AWS.
new_password() { aws secretsmanager get-random-password --password-length 40 --exclude-punctuation --query RandomPassword --output text; }
