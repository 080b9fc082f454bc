# shellcheck shell=bash
# Reads other Debian suites without touching the system's own apt configuration. Sourced by
# tools/provision and tools/lab/fetch-kernel.
#
# The mirror is the machine's own: each enabled source of the system is repeated with another suite
# name in a sources file inside the cache folder, and apt is pointed at that file by -o options.

rouse_cache=${ROUSE_CACHE:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/rouse}
rouse_apt_etc=${ROUSE_APT_ETC:-/etc/apt}
rouse_codename=bookworm
export DEBIAN_FRONTEND=noninteractive

# Prints the system's enabled binary sources, one per line, fields separated by tabs:
# URIs, suites, components, options in one-line form ("signed-by=/path") or an empty field.
# Understands deb822 files (*.sources) and one-line files (*.list). A key that is embedded in a
# deb822 file is left out: its mirror is then covered by the keys in trusted.gpg.d or not at all.
suites_system() {
    local file
    for file in "$rouse_apt_etc"/sources.list "$rouse_apt_etc"/sources.list.d/*.list; do
        [ -f "$file" ] || continue
        awk -v OFS='\t' '
            /^[ \t]*deb[ \t]/ {
                sub(/#.*/, ""); sub(/^[ \t]*deb[ \t]+/, "")
                options = ""
                if (match($0, /^\[[^]]*\][ \t]*/)) {
                    options = substr($0, 2, index($0, "]") - 2)
                    $0 = substr($0, RLENGTH + 1)
                }
                components = ""
                for (i = 3; i <= NF; i++) components = components (i > 3 ? " " : "") $i
                signed = ""
                if (match(options, /signed-by=[^ ]+/)) signed = substr(options, RSTART, RLENGTH)
                print $1, $2, components, signed
            }' "$file"
    done
    for file in "$rouse_apt_etc"/sources.list.d/*.sources; do
        [ -f "$file" ] || continue
        # Paragraph by paragraph; comment lines may stand inside a paragraph.
        sed '/^#/d; s/\r$//' "$file" | awk -v RS= -v FS='\n' -v OFS='\t' '
            {
                split("", field)
                key = ""
                for (i = 1; i <= NF; i++) {
                    if ($i ~ /^[ \t]/) { field[key] = field[key] " " $i; continue }
                    key = tolower(substr($i, 1, index($i, ":") - 1))
                    field[key] = substr($i, index($i, ":") + 1)
                }
                if (tolower(field["enabled"]) ~ /^[ \t]*(no|false|0|off)[ \t]*$/) next
                if ((" " field["types"] " ") !~ /[ \t]deb[ \t]/) next
                for (k in field) { gsub(/[ \t]+/, " ", field[k]); sub(/^ /, "", field[k]); sub(/ $/, "", field[k]) }
                signed = field["signed-by"] ~ /^\// ? "signed-by=" field["signed-by"] : ""
                gsub(/ /, ",", signed)
                print field["uris"], field["suites"], field["components"], signed
            }'
    done
}

# suites_file SUITE...: prints a sources file that takes each SUITE from the machine's own mirror:
# NAME-security suites from the source that carries security updates, everything else from the main
# archive. Fails when the machine has no source for this Debian release.
suites_file() {
    local sources suite uris suites components options uri found
    sources=$(suites_system)
    for suite in "$@"; do
        found=
        while IFS=$'\t' read -r uris suites components options; do
            case " $suites " in
            *" $rouse_codename-security "* | *" $rouse_codename/updates "*)
                case "$suite" in *-security) ;; *) continue ;; esac ;;
            *" $rouse_codename "*)
                case "$suite" in *-security) continue ;; esac ;;
            *) continue ;;
            esac
            case " $components " in *" main "*) ;; *) continue ;; esac
            for uri in $uris; do
                echo "deb ${options:+[$options] }$uri $suite main"
            done
            found=yes
            break
        done <<<"$sources"
        # A machine without security updates is its owner's choice; the other suites are needed.
        if [ -z "$found" ] && [ "${suite%-security}" = "$suite" ]; then
            echo "no enabled apt source for '$rouse_codename' (needed for suite '$suite') in $rouse_apt_etc;" \
                "add one and run again" >&2
            return 1
        fi
    done
}

# suites_apt SET COMMAND...: runs an apt command with the sources of SET, which is
#   backports  this release with its updates, security fixes and backports (install, download)
#   sid        the newest packages; only ever used for "apt-get download"
# The package lists live in the cache folder and are fetched when missing or older than a week.
suites_apt() {
    local set=$1 command=$2 home=$rouse_cache/apt/$1 names=()
    shift 2
    case "$set" in
    backports) names=("$rouse_codename"{,-updates,-backports,-security}) ;;
    sid) names=(sid) ;;
    esac
    suites_options=(-o Dir::Etc::SourceList="$home/sources.list" -o Dir::Etc::SourceParts=/dev/null
        -o Dir::State::Lists="$home/lists" -o Dir::Cache="$home/cache" -o APT::Sandbox::User=root
        -o Acquire::Languages=none -o Acquire::PDiffs=false -o Acquire::Retries=3
        -o DPkg::Lock::Timeout=300 -o Acquire::GzipIndexes=false
        -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false
        -o Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled=false)
    if [ ! -f "$home/updated" ] || [ -n "$(find "$home/updated" -mtime +6)" ]; then
        suites_update "$set" "$home" "${names[@]}" || return
    fi
    "$command" "${suites_options[@]}" "$@"
}

# suites_update SET HOME SUITE...: writes the sources file of SET and fetches its package lists.
suites_update() {
    local home=$2
    shift 2
    mkdir -p "$home/lists/partial" "$home/cache/archives/partial" &&
        suites_file "$@" >"$home/sources.list.new" && mv "$home/sources.list.new" "$home/sources.list" &&
        apt-get "${suites_options[@]}" -q -o APT::Update::Error-Mode=any update >&2 &&
        touch "$home/updated"
}

# suites_forget SET: makes the next use of SET fetch its lists again; called after a download of a
# package that the mirror no longer has.
suites_forget() {
    rm -f "$rouse_cache/apt/$1/updated"
}

# suites_download SET DIR PACKAGE[=VERSION]...: fetches the named packages into DIR.
suites_download() {
    local set=$1 dir=$2
    shift 2
    mkdir -p "$dir"
    (cd "$dir" && suites_apt "$set" apt-get -q download "$@" >&2) && return
    # The lists may be older than the mirror: once more with fresh ones.
    suites_forget "$set"
    (cd "$dir" && suites_apt "$set" apt-get -q download "$@" >&2)
}
