#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

/// What a shell makes of these words: each argument, ended by a byte 255.
fn through_a_shell(shell: &[&str], words: &[Vec<u8>]) -> Vec<u8> {
    let mut line = b"nl=$(printf '\\nx'); nl=${nl%x}\nprintf '%s\\377'".to_vec();
    for word in words {
        line.push(b' ');
        line.extend(quote(word));
    }
    line.push(b'\n');
    let mut child = Command::new(shell[0])
        .args(&shell[1..])
        .env("LC_ALL", "C")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&line).unwrap();
    child.wait_with_output().unwrap().stdout
}

#[test]
fn hostile_names_are_one_word_on_one_line_and_run_nothing() {
    let names: Vec<Vec<u8>> = [
        "it's.jsonl",
        "two\nlines\n",
        "$(touch /tmp/never).jsonl",
        "`id`",
        "-rf",
        "a b  c",
        "\"quoted\" \\ back\\'slash",
        "*?[a]{b,c}",
        "!!",
        "$nl$IFS",
        "",
        "\u{1b}]52;c;AAAA\u{7}",
        "tab\tand\rreturn",
    ]
    .iter()
    .map(|name| name.as_bytes().to_vec())
    .chain([b"\xff\xfe\x80".to_vec()])
    .collect();
    assert!(names.iter().all(|name| !quote(name).contains(&b'\n')));
    let expected: Vec<u8> = names.iter().flat_map(|name| [name.as_slice(), b"\xff"].concat()).collect();
    for shell in [&["sh"][..], &["bash"]] {
        assert_eq!(through_a_shell(shell, &names), expected, "{shell:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn any_bytes_pass_a_shell(words in prop::collection::vec(prop::collection::vec(1_u8..=254, 0..24), 1..8)) {
        let expected: Vec<u8> = words.iter().flat_map(|word| [word.as_slice(), b"\xff"].concat()).collect();
        prop_assert_eq!(through_a_shell(&["sh"], &words), expected);
    }
}

#[test]
fn an_answer_counts_only_when_its_last_byte_is_here() {
    let mark = "spanscope-0123-";
    let whole_answer = b"one\ntwo\0\xffS8 9 spanscope-text".to_vec();
    let (bytes, text) = whole_answer.split_at(9);
    let full = [bytes, text, format!("{mark}7 {} .\n", text.len()).as_bytes()].concat();
    for cut in 0..full.len() {
        let mut came = full[..cut].to_vec();
        assert_eq!(whole(mark, 7, &mut came), None, "cut at {cut}");
        assert_eq!(came, full[..cut], "and what came is kept");
    }
    let mut came = full.clone();
    assert_eq!(whole(mark, 8, &mut came), None, "the answer to another request");
    let answer = whole(mark, 7, &mut came).unwrap();
    assert_eq!((answer.bytes.as_slice(), answer.text.as_bytes()), (bytes, text));
    assert!(came.is_empty());
    for wrong in ["7 99 .\n", "7 -1 .\n", "7 5 6 .\n", "7 .\n", "x 1 .\n", "7 1 !\n"] {
        let mut came = [b"text", mark.as_bytes(), wrong.as_bytes()].concat();
        assert_eq!(whole(mark, 7, &mut came), None, "{wrong}");
    }
}

#[test]
fn the_reason_says_what_to_try_and_how_soon() {
    let table = [
        ("", Some(255), "the connection was lost", Cause::Network),
        (
            "Connection to web closed by remote host.\r\n",
            Some(255),
            "Connection to web closed by remote host.",
            Cause::Network,
        ),
        (
            "ssh: Could not resolve hostname wbe: Name or service not known\r\n",
            Some(255),
            "ssh: Could not resolve hostname wbe: Name or service not known; check the host's name",
            Cause::Name,
        ),
        (
            "Warning: Permanently added 'web' (ED25519) to the list of known hosts.\nme@web: Permission denied (publickey).\n",
            Some(255),
            "me@web: Permission denied (publickey).; spanscope asks for no password: set up a key or load it into the agent, until `ssh HOST true` runs without a question",
            Cause::Refused,
        ),
        (
            "Host key verification failed.",
            Some(255),
            "Host key verification failed.; connect once by hand, to look at the host's key and accept it",
            Cause::Refused,
        ),
        (
            "env: \u{2018}sh\u{2019}: No such file or directory",
            Some(127),
            "env: \u{2018}sh\u{2019}: No such file or directory; the host needs a POSIX shell called sh",
            Cause::Refused,
        ),
        ("", Some(1), "the remote shell ended with code 1", Cause::Network),
        ("\u{1b}[31mred\u{202e}", None, "\u{241b}[31mred<RLO>", Cause::Network),
    ];
    for (said, code, why, cause) in table {
        let lost = reason("", code, said);
        assert_eq!((lost.cause, lost.why.as_str()), (cause, why));
    }
    assert_eq!(reason("no answer for 60 s", None, "noise").why, "no answer for 60 s");
}

fn open(script: &str) -> Result<Session, Lost> {
    let host = super::super::super::Address::parse("ssh://web/a").unwrap().host;
    let command = ["sh".to_owned(), "-c".to_owned(), script.to_owned(), "ssh".to_owned()];
    Session::open(&command, &host, b"roots() { :\n}\n", crossbeam_channel::never())
}

/// Runs the command, the last argument, on this machine.
const HERE: &str = "while [ $# -gt 1 ]; do shift; done; exec sh -c \"$1\"";

#[test]
fn ssh_is_told_the_host_behind_the_end_of_options_and_asks_nothing() {
    let lost = open("printf '%s|' \"$@\" >&2; exit 255").unwrap_err();
    assert_eq!(
        lost.why,
        format!("-T|-o|BatchMode=yes|-o|ServerAliveInterval=15|-o|ServerAliveCountMax=3|-o|ClearAllForwardings=yes|--|web|{LOOP}|")
    );
}

#[test]
fn a_greeting_is_skipped_and_endless_noise_is_not_listened_to() {
    let greeting = format!("echo 'Welcome to web!'; printf 'no newline'; {HERE}");
    let mut session = open(&greeting).unwrap();
    let answer = session.ask("say", &[b"'hello there'"]).unwrap();
    assert_eq!((answer.bytes.as_slice(), answer.text.as_str()), (&b""[..], "hello there"));
    let lost = open("exec cat /dev/zero").unwrap_err();
    assert!(lost.why.starts_with("the host answers with something else"), "{}", lost.why);
}

#[test]
fn what_breaks_off_is_an_error_and_every_request_after_it_too() {
    let mut session = open(HERE).unwrap();
    let error = session.ask("printf half; exit 3 #", &[]).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotConnected);
    assert_eq!(session.has_ended().unwrap().why, "the remote shell ended with code 3");
    assert!(session.ask("say", &[b"x"]).is_err());
    assert!(matches!(open("exit 0"), Err(lost) if lost.why.contains("code 0")));
    let command = ["/nowhere/ssh".to_owned()];
    let host = super::super::super::Address::parse("ssh://web/a").unwrap().host;
    let lost = Session::open(&command, &host, b"", crossbeam_channel::never()).unwrap_err();
    assert!(lost.why.starts_with("cannot run /nowhere/ssh: ") && lost.cause == Cause::Refused);
}

#[test]
fn a_host_that_hangs_is_left_at_once_when_reading_stops() {
    let (stop, stopped) = bounded(0);
    let host = super::super::super::Address::parse("ssh://web/a").unwrap().host;
    let command = ["sh".to_owned(), "-c".to_owned(), "exec sleep 600".to_owned()];
    let opening = std::thread::spawn(move || Session::open(&command, &host, b"", stopped));
    drop::<Sender<Infallible>>(stop);
    // Joining would take ten minutes if it waited for the host.
    assert_eq!(opening.join().unwrap().unwrap_err().why, "stopped");
}
