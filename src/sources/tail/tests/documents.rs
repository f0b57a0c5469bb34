//! Records of several lines are never parted, however they come.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::super::*;
use super::laws::{Model, check_gap};
use super::{SECOND, Sim, append, tail_over, texts};

/// What a writer wrote up to now, with pauses, and a reader who looks, takes some blocks, or starts again where it committed.
fn read_while_written(text: &str, block_bytes: usize, steps: &[(usize, u8)]) -> Vec<Block> {
    let mut model = Model::new(block_bytes, false);
    let mut rest = text;
    let mut generations = BTreeSet::new();
    for (length, what) in steps.iter().cycle().take(steps.len().max(1) * 40) {
        let mut cut = (*length).min(rest.len());
        while !rest.is_char_boundary(cut) {
            cut += 1;
        }
        let (now, later) = rest.split_at(cut);
        append(&model.world, "a", now);
        rest = later;
        match what % 6 {
            0 => model.restart(255),
            1 => model.world.0.borrow_mut().clock += 2 * SECOND,
            2 => model.restart(what.wrapping_mul(37)),
            _ => {}
        }
        model.poll();
        for _ in 0..what % 4 {
            model.take();
        }
    }
    append(&model.world, "a", rest);
    model.world.0.borrow_mut().clock += 2 * SECOND;
    for _ in 0..2 {
        model.poll();
        while model.take() {}
        model.world.0.borrow_mut().clock += 2 * SECOND;
    }
    model.taken.sort_by_key(|block| block.offset);
    generations.extend(model.taken.iter().map(|block| block.source.generation));
    assert!(generations.len() <= 1, "nothing was destroyed");
    model.taken
}

fn records(block: &Block) -> Vec<String> {
    use crate::model::framing::{Documents, Mark};
    let (mut begins, mut found) = (0, Vec::new());
    let mut scan = Documents::at(block.offset);
    scan.pass(&block.bytes, |mark| match mark {
        Mark::Begin(at) => begins = (at - block.offset) as usize,
        Mark::End(at) => found.push(String::from_utf8_lossy(&block.bytes[begins..(at - block.offset) as usize]).into_owned()),
        Mark::Line(_) | Mark::Comma(_) => {}
    });
    assert!(scan.is_between(), "no record is parted");
    found
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// However a document comes, each of its records is handed out once, whole.
    #[test]
    fn records_of_documents_are_handed_out_once(count in 1..12_usize, array: bool, lines: bool, block_bytes in 1..90_usize,
        steps in prop::collection::vec((0..60_usize, any::<u8>()), 1..8)) {
        let written: Vec<String> = (0..count).map(|n| format!("{{\n  \"n\": {n},\n  \"a\": [\n    {{\n      \"b\": \"}}\"\n    }}\n  ]\n}}")).collect();
        let text = match (array, lines) {
            (true, true) => format!("[\n{}\n]\n", written.join(",\n")),
            (true, false) => format!("[{}]", written.join(",")),
            (false, true) => written.join("\n") + "\n",
            (false, false) => written.join("\n"),
        };
        let blocks = read_while_written(&text, block_bytes, &steps);
        prop_assert_eq!(blocks.iter().flat_map(records).collect::<Vec<_>>(), written);
        for pair in blocks.windows(2) {
            check_gap(text.as_bytes(), pair[0].range().end as usize, pair[1].offset as usize);
        }
    }

    /// No block parts a line that a container runtime wrote in pieces, also read from the end.
    #[test]
    fn pieces_of_a_line_stay_together(lines in prop::collection::vec((0..4_usize, any::<bool>(), any::<bool>()), 1..20), block_bytes in 1..400_usize,
        steps in prop::collection::vec((0..200_usize, any::<u8>()), 1..8)) {
        use crate::model::framing::Open;
        let mut text = String::new();
        for (pieces, stream, between) in lines {
            let stream = if stream { "stdout" } else { "stderr" };
            for piece in 0..pieces {
                text += &format!("2026-11-22T15:04:05Z {stream} P piece {piece}\n");
                if between {
                    text += "2026-11-22T15:04:05Z other F x\n";
                }
            }
            text += &format!("2026-11-22T15:04:05Z {stream} F end\n");
        }
        for block in read_while_written(&text, block_bytes, &steps) {
            let mut open = Open::default();
            block.bytes.split(|byte| *byte == b'\n').for_each(|line| open.pass(block.framing, line));
            prop_assert!(open.is_none(), "{}", String::from_utf8_lossy(&block.bytes));
        }
    }
}

#[test]
fn a_document_whose_end_is_missing_waits() {
    let world = Sim::default();
    append(&world, "a", "[\n  {\n    \"n\": 1\n  },\n  {\n    \"n\": ");
    let mut tail = tail_over(&world, false, 100);
    assert_eq!(texts(&mut tail, 0), ["[\n  {\n    \"n\": 1\n  },\n"]);
    assert_eq!(tail.progress().pending, 13);
    append(&world, "a", "2\n  }\n]");
    tail.look(1);
    assert_eq!(texts(&mut tail, 1).concat(), "  {\n    \"n\": 2\n  }\n]");
    assert_eq!(tail.held[0].info.order, Order::Ordered);
}
