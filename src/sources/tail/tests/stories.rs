//! What happens to files, one story each.

use super::super::*;
use super::{SECOND, Sim, append, rules, tail_over, texts};
use crate::model::span::StartFrom;

#[test]
fn history_comes_from_the_end_newest_file_first_and_new_lines_before_it() {
    let world = Sim::default();
    append(&world, "b", "b1\nb2\n");
    append(&world, "a", "a1\na2\na3\n");
    let mut tail = tail_over(&world, true, 3);
    let block = tail.next(7).unwrap();
    assert_eq!((block.bytes.as_slice(), block.offset, block.source.id), (b"a3\n".as_slice(), 6, 1));
    assert_eq!(block.fallback, (world.0.borrow().stat(2).modified, StartFrom::File));
    append(&world, "b", "b3\n");
    tail.look(8);
    let block = tail.next(9).unwrap();
    assert_eq!(
        (block.bytes.as_slice(), block.fallback),
        (b"b3\n".as_slice(), (9, StartFrom::Arrival))
    );
    let progress = tail.progress();
    assert_eq!((progress.history_done, progress.history_total), (3, 15));
    // Now `b` is the newest.
    assert_eq!(texts(&mut tail, 9), ["b2\n", "b1\n", "a2\n", "a1\n"]);
}

#[test]
fn what_began_like_a_document_may_turn_out_to_be_lines() {
    let world = Sim::default();
    append(&world, "a", "\n{\n");
    let mut tail = tail_over(&world, true, 1);
    assert!(texts(&mut tail, 0).is_empty(), "a document may begin so");
    append(&world, "a", "{\"n\":1}\n");
    tail.look(1);
    assert_eq!(texts(&mut tail, 1), ["{\"n\":1}\n", "{\n", "\n"], "from the end");
}

#[test]
fn an_unfinished_line_that_is_written_over_is_searched_again() {
    let world = Sim::default();
    let rest = "x".repeat(300);
    append(&world, "a", &rest);
    let mut tail = tail_over(&world, true, 100);
    assert!(texts(&mut tail, 0).is_empty());
    world
        .0
        .borrow_mut()
        .write("a", |bytes| *bytes = format!("{{\"n\":1}}\n{rest}").into_bytes());
    tail.look(1);
    assert_eq!(texts(&mut tail, 1), ["{\"n\":1}\n"], "though it ends in the same bytes");
}

#[test]
fn an_unfinished_line_waits_and_is_taken_once_complete_and_still() {
    let world = Sim::default();
    append(&world, "a", "{\"n\":1}\n{\"n\":");
    let mut tail = tail_over(&world, true, 100);
    assert_eq!(texts(&mut tail, 0), ["{\"n\":1}\n"]);
    assert_eq!(tail.progress().pending, 5);
    append(&world, "a", "2}");
    tail.look(SECOND);
    assert!(tail.next(SECOND).is_none(), "it may still grow");
    tail.look(2 * SECOND);
    assert_eq!(texts(&mut tail, 2 * SECOND), ["{\"n\":2}"]);
    append(&world, "a", "\n{\"n\":3}\n");
    tail.look(3 * SECOND);
    let block = tail.next(3 * SECOND).unwrap();
    assert_eq!(
        (block.offset, block.bytes.as_slice()),
        (16, b"{\"n\":3}\n".as_slice()),
        "the late newline is no line"
    );
    assert_eq!(tail.progress().pending, 0);
}

#[test]
fn headless_takes_a_complete_last_line_at_once_and_leaves_half_a_line() {
    let world = Sim::default();
    append(&world, "a", "1\n{\"n\":2}");
    append(&world, "b", "1\n{\"n\":");
    let mut tail = tail_over(&world, false, 100);
    let mut found = texts(&mut tail, 0);
    found.sort();
    assert_eq!(found, ["1\n", "1\n", "{\"n\":2}"]);
    assert_eq!(tail.progress().pending, 5);
}

#[test]
fn numbers_are_given_in_the_order_of_names_and_kept() {
    let world = Sim::default();
    for name in ["b", "a.1", "a"] {
        append(&world, name, &format!("{name}\n"));
    }
    let tail = tail_over(&world, true, 100);
    let ids: Vec<(u32, &str)> = tail.held.iter().map(|held| (held.info.id, held.info.uri.as_str())).collect();
    assert_eq!(ids, [(1, "a"), (2, "a.1"), (3, "b")]);
    let known: Vec<Resume> = tail.held.iter().skip(1).map(Held::resume).collect();
    let mut again = Tail::new(world.clone(), rules(true, 100), known, 4);
    again.scan(0);
    let ids: Vec<(u32, &str)> = again.held.iter().map(|held| (held.info.id, held.info.uri.as_str())).collect();
    assert_eq!(ids, [(4, "a"), (2, "a.1"), (3, "b")]);
}

#[test]
fn an_ordered_source_is_read_forward_also_when_it_grows() {
    let world = Sim::default();
    append(&world, "a", "1\n2\n3\n");
    let mut info = tail_over(&world, true, 2).held[0].info.as_ref().clone();
    info.order = Order::Ordered;
    let known = vec![Resume {
        info,
        identity: crate::model::record::Identity {
            head_hash: xxhash_rust::xxh3::xxh3_64(b""),
            anchor_hash: xxhash_rust::xxh3::xxh3_64(b""),
            ..Default::default()
        },
        covered: Vec::new(),
    }];
    let mut tail = Tail::new(world.clone(), rules(true, 2), known, 2);
    tail.scan(0);
    assert_eq!(tail.next(0).unwrap().bytes, b"1\n");
    append(&world, "a", "4\n");
    tail.look(1);
    assert_eq!(texts(&mut tail, 1), ["2\n", "3\n", "4\n"]);
}

#[test]
fn a_file_without_a_name_is_read_to_its_end_and_let_go_when_still() {
    let world = Sim::default();
    append(&world, "a", "1\n");
    let mut tail = tail_over(&world, true, 100);
    world.0.borrow_mut().names.clear();
    tail.scan(SECOND);
    tail.look(7 * SECOND);
    assert_eq!(tail.progress().inputs, 1, "there is something left to read");
    assert_eq!(texts(&mut tail, 7 * SECOND), ["1\n"]);
    tail.look(8 * SECOND);
    assert_eq!(tail.progress().inputs, 0);
    assert!(
        tail.known.iter().any(|resume| resume.covered.iter().eq(std::iter::once(&(0..2)))),
        "it would be known again"
    );
}

#[test]
fn a_copy_is_read_when_its_original_is_truncated_before_it_was() {
    let world = Sim::default();
    let lines: String = (0..9).map(|n| format!("{{\"n\":{n}}}\n")).collect();
    append(&world, "a", &lines);
    let mut tail = tail_over(&world, true, 16);
    tail.scan(0);
    let mut seen = vec![String::from_utf8(tail.next(0).unwrap().bytes).unwrap()];
    world.0.borrow_mut().write("a.1", |bytes| lines.as_bytes().clone_into(bytes));
    tail.scan(1);
    world.0.borrow_mut().write("a", Vec::clear);
    tail.look(2);
    tail.scan(3);
    seen.extend(texts(&mut tail, 3));
    seen.sort();
    assert_eq!(seen.concat(), lines);
}

#[test]
fn a_copy_that_is_cut_and_its_original_that_was_are_two_generations() {
    let world = Sim::default();
    let lines: String = (0..9).map(|n| format!("{{\"n\":{n}}}\n")).collect();
    append(&world, "a", &lines);
    let mut tail = tail_over(&world, true, 1_000);
    assert_eq!(texts(&mut tail, 0), [lines.as_str()]);
    world.0.borrow_mut().write("a.1", |bytes| lines.as_bytes().clone_into(bytes));
    world.0.borrow_mut().write("a", |bytes| b"second\n".as_slice().clone_into(bytes));
    tail.look(1);
    tail.scan(1);
    assert_eq!(texts(&mut tail, 1), ["second\n"], "the copy was read before it was one");
    world.0.borrow_mut().write("a.1", |bytes| b"third\n".as_slice().clone_into(bytes));
    tail.look(2);
    let block = tail.next(2).unwrap();
    assert_eq!(
        (block.bytes.as_slice(), block.source.id, block.source.generation),
        (b"third\n".as_slice(), 1, 2)
    );
}

#[test]
fn history_before_the_floor_is_left_alone_and_read_by_a_run_that_wants_it() {
    let world = Sim::default();
    append(&world, "a", "1\n2\n3\n4\n");
    let floors = Arc::<Floors>::default();
    let mut tail = Tail::new(
        world.clone(),
        Rules {
            floors: Arc::clone(&floors),
            ..rules(true, 2)
        },
        Vec::new(),
        1,
    );
    tail.scan(0);
    let block = tail.next(0).unwrap();
    assert_eq!(block.bytes, b"4\n");
    floors.raise((1, 0), 4);
    assert_eq!(texts(&mut tail, 0), ["3\n"]);
    assert_eq!((tail.progress().history_done, tail.progress().history_total), (4, 4));
    append(&world, "a", "5\n");
    tail.look(1);
    assert_eq!(texts(&mut tail, 1), ["5\n"]);
    let resume = tail.held[0].resume();
    assert_eq!(resume.covered, [4..10]);
    let mut tail = Tail::new(world.clone(), rules(true, 2), vec![resume], 1);
    tail.scan(2);
    assert_eq!(texts(&mut tail, 2), ["2\n", "1\n"]);
}

#[test]
fn a_late_newline_is_no_line_also_when_something_stood_there_meanwhile() {
    let world = Sim::default();
    append(&world, "a", "{\"n\":1}");
    let mut tail = tail_over(&world, true, 10);
    assert_eq!(texts(&mut tail, 10 * SECOND), ["{\"n\":1}"]);
    append(&world, "a", "half");
    tail.look(11 * SECOND);
    assert_eq!(texts(&mut tail, 11 * SECOND), [""; 0]);
    world.0.borrow_mut().write("a", |bytes| bytes.truncate(7));
    append(&world, "a", "\nnext\n");
    tail.look(12 * SECOND);
    assert_eq!(texts(&mut tail, 12 * SECOND), ["next\n"]);
}

#[test]
fn an_unfinished_line_that_was_rewritten_is_searched_again() {
    let world = Sim::default();
    append(&world, "a", "1\nunfinished");
    let mut tail = tail_over(&world, true, 100);
    assert_eq!(texts(&mut tail, 0), ["1\n"]);
    world.0.borrow_mut().write("a", |bytes| bytes.truncate(3));
    append(&world, "a", "\nanother unfinished one");
    tail.look(1);
    assert_eq!(texts(&mut tail, 1), ["u\n"], "the newline stands where none was before");
}

#[test]
fn the_history_of_files_not_written_since_is_left_alone() {
    let world = Sim::default();
    append(&world, "a", "old\n");
    world.0.borrow_mut().clock = 100 * SECOND;
    append(&world, "b", "young\n");
    let mut tail = Tail::new(
        world.clone(),
        Rules {
            since: Some(50 * SECOND),
            ..rules(true, 100)
        },
        Vec::new(),
        1,
    );
    tail.scan(100 * SECOND);
    assert_eq!(texts(&mut tail, 100 * SECOND), ["young\n"]);
    assert_eq!(tail.progress().history_total, 6);
    append(&world, "a", "new\n");
    tail.look(101 * SECOND);
    assert_eq!(texts(&mut tail, 101 * SECOND), ["new\n", "old\n"], "now it was written since");
}

#[test]
fn a_number_used_again_is_not_taken_for_a_file_that_is_read_under_another() {
    let world = Sim::default();
    let line = format!("{}\n", "x".repeat(1_100));
    append(&world, "b", &line);
    let mut tail = tail_over(&world, true, 100);
    // Copied and cut before it could be read: the copy is read in its place.
    append(&world, "b.1", &line);
    world.0.borrow_mut().write("b", Vec::clear);
    world.0.borrow_mut().names.remove("b");
    let at = |tail: &mut Tail<Sim>, now: Nanos| {
        tail.scan(now);
        tail.look(now);
        std::iter::from_fn(|| tail.next(now))
            .map(|block| (block.source.id, block.source.generation))
            .collect::<Vec<_>>()
    };
    assert_eq!(at(&mut tail, SECOND), [(1, 0)]);
    assert!(at(&mut tail, 60 * SECOND).is_empty(), "the first file is let go");
    append(&world, "a", &line);
    assert_eq!(world.0.borrow().names["a"], 1, "its number is used again");
    assert_eq!(at(&mut tail, 61 * SECOND), [(2, 0)], "what stands there now was never read");
}
