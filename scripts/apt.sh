# Sourced by the setup scripts: Debian packages by apt, where that needs no password. `$0` names who asks.

if [ "$(id -u)" = 0 ]; then
    as_root=
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    as_root="sudo -n"
else
    as_root=none
fi

updated=
packages() { # install Debian packages, without starting the services they bring
    [ "$as_root" != none ] && command -v apt-get >/dev/null || return 1
    if [ -z "$updated" ]; then
        $as_root apt-get update -qq >/dev/null 2>&1
        updated=yes
    fi
    policy=/usr/sbin/policy-rc.d # invoke-rc.d asks it; 101 means "do not start"
    ours=
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null && $as_root chmod 755 "$policy"
        ours=yes
    fi
    echo "${0##*/}: apt-get install $*"
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null 2>&1
    status=$?
    [ -z "$ours" ] || $as_root rm -f "$policy"
    return $status
}

program() { command -v "$1" >/dev/null || [ -x "/usr/sbin/$1" ]; }
