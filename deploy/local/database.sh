# shellcheck shell=bash
# Sourced by up.sh: what --database takes, as the connection string that the auth-service takes.

# connection_string postgres://USER:PASSWORD@HOST:PORT/NAME
connection_string() {
    local pattern='^postgres(ql)?://(([^:@/]*)(:([^@/]*))?@)?([^]:/?[]+)(:([0-9]+))?/([^?]+)$'
    [[ $1 =~ $pattern ]] || die "--database takes postgres://user:password@host:port/name or a connection string (Host=...;...)"
    local user=${BASH_REMATCH[3]} password=${BASH_REMATCH[5]} host=${BASH_REMATCH[6]} port=${BASH_REMATCH[8]} name=${BASH_REMATCH[9]}
    printf 'Host=%s;Port=%s;Database=%s' "$host" "${port:-5432}" "$(quoted "$name")"
    [[ -z $user ]] || printf ';Username=%s' "$(quoted "$user")"
    [[ -z $password ]] || printf ';Password=%s' "$(quoted "$password")"
}

# quoted VALUE: percent-decoded, as a quoted value of a connection string.
quoted() {
    local value=${1//\\/\\\\}
    value=$(printf '%b' "${value//%/\\x}")
    printf "'%s'" "${value//\'/\'\'}"
}
