#!/bin/sh
# Copies Python, the libraries it loads, certificates and time zones into a root of their own: collect.sh FOLDER
set -eu
root=$1

# Python's own modules as text and bytecode, less what no service imports.
stdlib=/usr/lib/python3.11
packages="libpython3.11-minimal python3.11-minimal python3-minimal tzdata base-files"

# A program of the standard library's size is a list of shared libraries: ask the linker which.
libraries=$(find $stdlib/lib-dynload /usr/bin/python3.11 -type f -exec ldd {} + 2>/dev/null |
    awk '$2 == "=>" && $3 ~ /^\// { print $3 } $1 ~ /^\/.*ld-linux/ { print $1 }' | sort -u)
# What compiled wheels expect of any Linux (the manylinux policy), whether Python itself loads it or not.
libraries="$libraries $(ldconfig -p | awk '$1 ~ /^(libstdc\+\+|libgcc_s|libm|libdl|librt|libpthread|libresolv|libutil|libanl|libnss_dns|libnss_files)\.so/ { print $NF }')"

mkdir -p "$root/usr/bin" "$root/usr/lib" "$root/usr/lib64" "$root/usr/sbin" "$root/etc/ssl/certs" "$root/home/nonroot" \
    "$root/root" "$root/tmp" "$root/var/tmp" "$root/run" "$root/proc" "$root/sys" "$root/dev"
for folder in bin lib lib64 sbin; do ln -s "usr/$folder" "$root/$folder"; done

{
    for package in $packages; do dpkg -L "$package"; done | grep -E '^/(usr/bin/python|usr/share/zoneinfo|etc/os-release|usr/lib/os-release)'
    for library in $libraries; do echo "$library"; readlink -f "$library"; done
    find $stdlib \( -name test -o -name tests -o -name idlelib -o -name lib2to3 -o -name ensurepip -o -name pydoc_data \
        -o -name 'config-*' -o -name turtledemo -o -name tkinter \) -prune -o -print
    echo /usr/share/terminfo
    echo /etc/ssl/certs/ca-certificates.crt
    echo /etc/mime.types
    echo /etc/nsswitch.conf
} | sort -u | while read -r path; do [ ! -e "$path" ] || echo "${path#/}"; done |
    tar --create --no-recursion --directory / --files-from - | tar --extract --keep-directory-symlink --directory "$root"

cat >"$root/etc/passwd" <<END
root:x:0:0:root:/root:/sbin/nologin
nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin
nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin
END
cat >"$root/etc/group" <<END
root:x:0:
nobody:x:65534:
nonroot:x:65532:
END
chown 65532:65532 "$root/home/nonroot"
chmod 700 "$root/home/nonroot"
chmod 1777 "$root/tmp" "$root/var/tmp"
ldconfig -r "$root"
