//! A host played by this machine's own shells: dash or bash, busybox, and a stat as the BSDs have it.
#![allow(clippy::unwrap_used)]

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::PathBuf;
use std::process::Command;

use super::super::super::parse_spec;
use super::super::super::{Spec, framing::read_range};
use super::*;

struct Place {
    dir: tempfile::TempDir,
    ssh: Vec<String>,
}

/// Tools that a host may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tools {
    Here,
    Busybox,
    Bsd,
}

/// As macOS and the BSDs have it: `-f` is the format, and there is no `-c`.
const BSD_STAT: &str = r#"#!/bin/sh
[ "$1" = -L ] || exit 1
[ "$2" = -f ] || { echo "stat: illegal option -- ${2#-}" >&2; exit 1; }
format=$(printf '%s' "$3" | sed 's/%z/%s/; s/%Fm/%.9Y/; s/%N/%n/')
shift 3
exec /usr/bin/stat -L -c "$format" "$@"
"#;

impl Place {
    fn new(tools: Tools) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let bin = dir.path().join("bin");
        fs::create_dir(&bin).unwrap();
        fs::create_dir(dir.path().join("logs")).unwrap();
        match tools {
            Tools::Here => {}
            Tools::Busybox => {
                let installed = Command::new("busybox").args(["--install", "-s"]).arg(&bin).status();
                assert!(
                    installed.is_ok_and(|status| status.success()),
                    "this test needs busybox: apt-get install busybox-static"
                );
            }
            Tools::Bsd => {
                // Written by another process: one that is started here meanwhile would hold it open, and it could not be run.
                let mut writer = Command::new("sh");
                writer.args(["-c", "printf %s \"$1\" >\"$2\" && chmod 755 \"$2\"", "sh", BSD_STAT]);
                assert!(writer.arg(bin.join("stat")).status().unwrap().success());
            }
        }
        let path = if tools == Tools::Busybox {
            String::new()
        } else {
            ":/usr/bin:/bin".to_owned()
        };
        let script = format!(
            "while [ $# -gt 1 ]; do shift; done; cd '{dir}' && PATH='{bin}{path}' exec sh -c \"$1\"",
            dir = dir.path().display(),
            bin = bin.display(),
        );
        Self {
            dir,
            ssh: ["/bin/sh", "-c", script.as_str(), "ssh"].map(str::to_owned).to_vec(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join("logs").join(name)
    }

    fn append(&self, name: &str, text: &str) {
        let mut file = OpenOptions::new().create(true).append(true).open(self.path(name)).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    fn connect(&self, paths: &[&str]) -> Remote {
        let addresses: Vec<Address> = paths
            .iter()
            .map(|path| match parse_spec(&format!("ssh://web{path}")).unwrap() {
                Spec::Remote(address) => address,
                other => panic!("{other:?}"),
            })
            .collect();
        let roots: Vec<Root> = addresses.iter().map(|address| Root::new(address).unwrap()).collect();
        let connected = Remote::connect(&self.ssh, &addresses[0].host, &roots, Ends::default(), &crossbeam_channel::never());
        connected.map_err(|(lost, _)| lost).unwrap()
    }
}

fn names(files: &[(String, Stat)]) -> Vec<&str> {
    files.iter().map(|(uri, _)| uri.rsplit('/').next().unwrap()).collect()
}

const ALL: [Tools; 3] = [Tools::Here, Tools::Busybox, Tools::Bsd];

#[test]
fn files_directories_and_globs_are_listed_as_here() {
    for tools in ALL {
        let place = Place::new(tools);
        fs::create_dir_all(place.path("deep/deeper")).unwrap();
        fs::create_dir(place.path(".hidden")).unwrap();
        for name in [
            "a.jsonl",
            "a.jsonl.1",
            "a.jsonl-20261124.gz",
            "b.LOG",
            "notes.txt",
            ".secret.jsonl",
            ".hidden/c.jsonl",
            "deep/d.ndjson",
            "deep/deeper/e.json",
            "a.jsonl.bak",
        ] {
            place.append(name, name);
        }
        std::os::unix::fs::symlink(place.path(""), place.path("deep/loop")).unwrap();
        std::os::unix::fs::symlink(place.path("a.jsonl"), place.path("link.jsonl")).unwrap();
        let root = place.path("");
        let root = root.to_str().unwrap().trim_end_matches('/');

        let mut remote = place.connect(&[&format!("{root}/a.jsonl")]);
        remote.poll().unwrap();
        let listing = remote.list();
        assert_eq!(names(&listing.files), ["a.jsonl"], "{tools:?}");
        assert_eq!(names(&listing.siblings), ["a.jsonl-20261124.gz", "a.jsonl.1"]);
        assert_eq!(listing.problems, []);
        let meta = fs::metadata(place.path("a.jsonl")).unwrap();
        let stat = listing.files[0].1;
        assert_eq!((stat.device, stat.inode, stat.size), (meta.dev(), meta.ino(), 7), "{tools:?}");
        assert_eq!(stat.modified / 1_000_000_000, meta.mtime());
        if tools != Tools::Busybox {
            assert_eq!(stat.modified % 1_000_000_000, meta.mtime_nsec(), "{tools:?}");
        }

        let mut remote = place.connect(&["/~/logs"]);
        remote.poll().unwrap();
        let listing = remote.list();
        let found: Vec<&str> = listing.files.iter().map(|(uri, _)| uri.as_str()).collect();
        let expected = [
            "a.jsonl",
            "a.jsonl-20261124.gz",
            "a.jsonl.1",
            "b.LOG",
            "deep/d.ndjson",
            "deep/deeper/e.json",
        ];
        assert_eq!(found, expected.map(|name| format!("ssh://web/~/logs/{name}")), "{tools:?}");
        assert_eq!(listing.problems, [], "{tools:?}");

        for (pattern, expected) in [
            ("*.jsonl", &[".secret.jsonl", "a.jsonl"][..]),
            ("d*/*.{ndjson,json}", &["d.ndjson"]),
            ("**/[de].*json", &["e.json", "d.ndjson"]),
            ("deep/?.ndjson", &["d.ndjson"]),
            ("none*", &[]),
        ] {
            let mut remote = place.connect(&[&format!("{root}/{pattern}")]);
            remote.poll().unwrap();
            let listing = remote.list();
            let mut found = names(&listing.files);
            found.sort_unstable();
            let mut expected = expected.to_vec();
            expected.sort_unstable();
            assert_eq!(found, expected, "{tools:?} {pattern}");
        }
    }
}

#[test]
fn hostile_names_are_listed_read_and_run_nothing() {
    for tools in ALL {
        let place = Place::new(tools);
        let hostile: Vec<OsString> = [
            &b"it's.jsonl"[..],
            b"two\nF1 2 3 4 5 6.7|passwd\n.jsonl",
            b"$(touch never).jsonl",
            b"`touch never`.jsonl",
            b"-rf.jsonl",
            b"a=b;touch never;.jsonl",
            b"\xff\xfe.jsonl",
            b"100%|R0 f 0.jsonl",
            b"\x1b]52;c;AA\x07.jsonl",
            b" .jsonl",
        ]
        .into_iter()
        .map(|name| OsString::from_vec(name.to_vec()))
        .collect();
        for (number, name) in hostile.iter().enumerate() {
            fs::write(place.path("").join(name), format!("{number}\n")).unwrap();
        }
        let mut remote = place.connect(&["/~/logs", "/~/logs/it's.jsonl", "/~/logs/*'*"]);
        remote.poll().unwrap();
        let listing = remote.list();
        assert_eq!(
            (listing.files.len(), listing.problems.len()),
            (hostile.len(), 0),
            "{tools:?}: {listing:?}"
        );
        let mut read: Vec<String> = Vec::new();
        for (uri, stat) in listing.files {
            assert!(!uri.contains(char::is_control), "{uri:?}");
            let file = remote.open(&uri).unwrap();
            read.push(String::from_utf8(read_range(&mut remote, &file, 0..stat.size).unwrap()).unwrap());
        }
        read.sort();
        assert_eq!(
            read.concat(),
            (0..hostile.len()).map(|number| format!("{number}\n")).collect::<String>()
        );
        assert!(!place.dir.path().join("never").exists() && !place.path("never").exists());
    }
}

#[test]
fn any_range_of_any_bytes_is_what_stands_there() {
    for tools in ALL {
        let place = Place::new(tools);
        let bytes: Vec<u8> = (0..300_007_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        fs::write(place.path("a.log"), &bytes).unwrap();
        fs::write(place.path("empty.log"), b"").unwrap();
        let mut remote = place.connect(&["/~/logs"]);
        remote.poll().unwrap();
        let file = remote.open("ssh://web/~/logs/a.log").unwrap();
        for range in [
            0..4,
            0..1024,
            299_751..300_007,
            4_095..4_097,
            0..300_007,
            65_536..131_072,
            123_456..123_457,
            70_000..70_000,
        ] {
            assert_eq!(
                read_range(&mut remote, &file, range.start..range.end).unwrap(),
                bytes[range.start as usize..range.end as usize]
            );
        }
        let error = read_range(&mut remote, &file, 300_000..300_008).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "{tools:?}");
        let mut all = Vec::new();
        remote.stream(&file).unwrap().read_to_end(&mut all).unwrap();
        assert!(all == bytes, "{tools:?}");
        let empty = remote.open("ssh://web/~/logs/empty.log").unwrap();
        assert_eq!(remote.stat(&empty).unwrap().size, 0);
        assert_eq!(remote.read_at(&empty, 0, &mut [0; 8]).unwrap(), 0);
    }
}

#[test]
fn a_file_is_followed_under_its_new_name_and_never_taken_for_the_one_in_its_place() {
    for tools in ALL {
        let place = Place::new(tools);
        place.append("a.jsonl", "old\n");
        let mut remote = place.connect(&["/~/logs/*.jsonl"]);
        remote.poll().unwrap();
        let uri = "ssh://web/~/logs/a.jsonl";
        let old = remote.open(uri).unwrap();
        let told = remote.stat(&old).unwrap();
        // Renamed and replaced without a listing in between.
        fs::rename(place.path("a.jsonl"), place.path("a.jsonl.1")).unwrap();
        place.append("a.jsonl", "new\n");
        place.append("a.jsonl.1", "late\n");
        remote.poll().unwrap();
        assert_eq!(names(&remote.list().files), ["a.jsonl"]);
        let stat = remote.stat(&old).unwrap();
        assert_eq!((stat.inode, stat.size), (told.inode, 9), "{tools:?}");
        assert_eq!(read_range(&mut remote, &old, 0..9).unwrap(), b"old\nlate\n");
        let new = remote.open(uri).unwrap();
        assert_eq!(read_range(&mut remote, &new, 0..4).unwrap(), b"new\n");
        // Between a look and a read.
        fs::rename(place.path("a.jsonl.1"), place.path("a.jsonl.2")).unwrap();
        place.append("a.jsonl.2", &"x".repeat(200_000));
        remote.poll().unwrap();
        fs::rename(place.path("a.jsonl.2"), place.path("a.jsonl.3")).unwrap();
        place.append("a.jsonl.2", &"y".repeat(300_000));
        assert_eq!(remote.stat(&old).unwrap().size, 200_009);
        assert_eq!(read_range(&mut remote, &old, 9..200_009).unwrap(), vec![b'x'; 200_000], "{tools:?}");
        // Without a name it stays as it was last seen, and what was not read is an error.
        fs::remove_file(place.path("a.jsonl.3")).unwrap();
        remote.poll().unwrap();
        assert_eq!(remote.stat(&old).unwrap().size, 200_009);
        let error = read_range(&mut remote, &old, 100_000..200_009).unwrap_err();
        assert!(error.to_string().contains("deleted"), "{tools:?}: {error}");
        assert_eq!(remote.lost(), None);
    }
}

#[test]
fn what_is_kept_of_a_file_goes_when_its_state_changes() {
    let place = Place::new(Tools::Here);
    place.append("a.jsonl", "one\n");
    let mut remote = place.connect(&["/~/logs/a.jsonl"]);
    remote.poll().unwrap();
    let file = remote.open("ssh://web/~/logs/a.jsonl").unwrap();
    assert_eq!(read_range(&mut remote, &file, 0..4).unwrap(), b"one\n");
    let local = OpenOptions::new().write(true).open(place.path("a.jsonl")).unwrap();
    local.write_all_at(b"two\nthree\n", 0).unwrap();
    remote.poll().unwrap();
    assert_eq!(remote.stat(&file).unwrap().size, 10);
    assert_eq!(read_range(&mut remote, &file, 0..10).unwrap(), b"two\nthree\n");
}

#[test]
fn what_is_not_there_and_what_is_no_file_is_said() {
    let place = Place::new(Tools::Here);
    let pipe = place.path("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let mut remote = place.connect(&["/~/logs/none.jsonl", "/~/logs/pipe", "/~/nowhere/*.jsonl"]);
    remote.poll().unwrap();
    let problems = remote.list().problems;
    let of = |name: &str| {
        let found = problems.iter().find(|(uri, _)| uri.contains(name));
        found.map_or_else(|| panic!("{problems:?}"), |(_, why)| why.clone())
    };
    assert_eq!(of("none.jsonl"), "no such file or directory");
    assert_eq!(of("pipe"), "not a regular file");
    assert!(of("nowhere").contains("No such file or directory"));
    assert!(remote.is_empty());
}

#[test]
fn the_newest_files_are_opened_first_and_a_rotated_one_with_its_first_name() {
    let place = Place::new(Tools::Here);
    for number in 0..40 {
        place.append(&format!("{number:02}.jsonl"), "x\n");
        let file = OpenOptions::new()
            .write(true)
            .open(place.path(&format!("{number:02}.jsonl")))
            .unwrap();
        let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000 + number);
        file.set_modified(time).unwrap();
    }
    place.append("00.jsonl.1", "x\n");
    let mut remote = place.connect(&["/~/logs"]);
    remote.poll().unwrap();
    let first = remote.list();
    assert_eq!(first.files.len(), AT_ONCE);
    assert_eq!(&names(&first.files)[..4], ["00.jsonl", "00.jsonl.1", "26.jsonl", "27.jsonl"]);
    assert!(remote.has_more());
    remote.list();
    assert_eq!(remote.list().files.len(), 41);
    assert!(!remote.has_more());
}
