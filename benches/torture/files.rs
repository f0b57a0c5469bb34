//! Random lives of a log: written, rotated, copied and cut, compressed, with the reader stopped in the middle, through real files and a
//! real store.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use spanscope::model::query::{Query, Reply, Stats};
use spanscope::model::record::Resume;
use spanscope::pricing::Prices;
use spanscope::sources::{self, Event};
use spanscope::store::{Location, Options, Store};

use crate::{Outcome, Seed, line};

const STEPS: u64 = 40;
const PATIENCE: Duration = Duration::from_secs(30);

/// So many logs, each with a life of its own.
pub fn files(cases: u64) -> Outcome {
    for case in 0..cases {
        let place = tempfile::tempdir()?;
        let mut life = Life::begin(place.path(), case)?;
        let told = (0..STEPS).try_for_each(|_| life.step()).and_then(|()| life.end());
        if let Err(why) = told {
            return Err(format!("case {case} after {:?}: {why}", life.story).into());
        }
    }
    Ok(())
}

struct Life {
    seed: Seed,
    place: PathBuf,
    /// As the user names it: the file, its directory, or a pattern.
    named: String,
    log: PathBuf,
    written: u64,
    /// The rest of a line of which the first half stands in the log.
    half: Option<String>,
    run: Option<Run>,
    story: Vec<&'static str>,
}

impl Life {
    fn begin(place: &Path, case: u64) -> Result<Self, Box<dyn std::error::Error>> {
        let folder = place.join("logs");
        fs::create_dir(&folder)?;
        let log = folder.join("app.jsonl");
        File::create(&log)?;
        let named = match case % 3 {
            0 => log.display().to_string(),
            1 => folder.display().to_string(),
            _ => format!("{}/app.jsonl*", folder.display()),
        };
        let run = Some(Run::start(place, &named, true)?);
        let mut life = Self {
            seed: Seed(case << 32),
            place: place.to_owned(),
            named,
            log,
            written: 0,
            half: None,
            run,
            story: Vec::new(),
        };
        // What was rotated away before a file named by itself was first read is not asked for.
        life.append()?;
        life.catch_up()?;
        Ok(life)
    }

    fn step(&mut self) -> Outcome {
        let (name, step): (_, fn(&mut Self) -> Outcome) = match self.seed.below(16) {
            0..=5 => ("append", Self::append),
            6 => ("half", Self::append_half),
            7..=9 => ("rename", Self::rename),
            10 => ("copy and truncate", Self::copy_and_truncate),
            11 => ("compress", Self::compress),
            12 => ("truncate", Self::truncate),
            13 => ("catch up", Self::catch_up),
            _ => ("restart", Self::restart),
        };
        self.story.push(name);
        step(self)
    }

    fn append_text(&self, text: &str) -> Outcome {
        let mut file = OpenOptions::new().create(true).append(true).open(&self.log)?;
        Ok(file.write_all(text.as_bytes())?)
    }

    fn append(&mut self) -> Outcome {
        let mut text = self.half.take().unwrap_or_default();
        for _ in 0..=self.seed.below(40) {
            self.written += 1;
            text.push_str(&line(self.written));
        }
        self.append_text(&text)
    }

    fn append_half(&mut self) -> Outcome {
        if self.half.is_none() {
            self.written += 1;
            let mut text = line(self.written);
            let rest = text.split_off(1 + self.seed.below(text.len() as u64 - 1) as usize);
            self.append_text(&text)?;
            self.half = Some(rest);
        }
        Ok(())
    }

    /// A line is not split over two files.
    fn finish_line(&mut self) -> Outcome {
        match self.half.take() {
            Some(rest) => self.append_text(&rest),
            None => Ok(()),
        }
    }

    fn rotated(&self, number: u64, end: &str) -> PathBuf {
        PathBuf::from(format!("{}.{number}{end}", self.log.display()))
    }

    /// Every rotated file gets the next number; the log's own name is free then, but for `.1`.
    fn shift(&self) -> Outcome {
        for number in (1..STEPS).rev() {
            for end in ["", ".gz"] {
                let (from, to) = (self.rotated(number, end), self.rotated(number + 1, end));
                if from.exists() {
                    fs::rename(from, to)?;
                }
            }
        }
        Ok(())
    }

    fn rename(&mut self) -> Outcome {
        self.finish_line()?;
        self.shift()?;
        fs::rename(&self.log, self.rotated(1, ""))?;
        File::create(&self.log)?;
        Ok(())
    }

    fn copy_and_truncate(&mut self) -> Outcome {
        self.finish_line()?;
        self.shift()?;
        fs::copy(&self.log, self.rotated(1, ""))?;
        OpenOptions::new().write(true).open(&self.log)?.set_len(0)?;
        Ok(())
    }

    /// As logrotate does: the oldest plain one, under its own name and `.gz`.
    fn compress(&mut self) -> Outcome {
        let oldest = (1..=STEPS).rev().map(|number| self.rotated(number, "")).find(|path| path.exists());
        let Some(plain) = oldest else { return Ok(()) };
        let packed = PathBuf::from(format!("{}.gz", plain.display()));
        let file = OpenOptions::new().write(true).create_new(true).open(&packed)?;
        let mut encoder = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
        encoder.write_all(&fs::read(&plain)?)?;
        encoder.finish()?;
        Ok(fs::remove_file(plain)?)
    }

    /// What was read before is all that may go.
    fn truncate(&mut self) -> Outcome {
        self.finish_line()?;
        self.catch_up()?;
        OpenOptions::new().write(true).open(&self.log)?.set_len(0)?;
        Ok(())
    }

    fn catch_up(&mut self) -> Outcome {
        let expected = self.written - u64::from(self.half.is_some());
        let Some(run) = &self.run else { return Ok(()) };
        let begun = Instant::now();
        loop {
            let stats = run.stats()?;
            let seen = stats.tally.lines;
            if seen == expected {
                return Ok(());
            }
            if begun.elapsed() > PATIENCE || seen > expected {
                let known = run.store.resume()?;
                return Err(format!("{seen} lines of {expected} were read: {known:#?}").into());
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn restart(&mut self) -> Outcome {
        if let Some(run) = self.run.take() {
            run.stop()?;
        }
        self.run = Some(Run::start(&self.place, &self.named, true)?);
        Ok(())
    }

    fn end(&mut self) -> Outcome {
        self.finish_line()?;
        if let Some(run) = self.run.take() {
            run.stop()?;
        }
        let run = Run::start(&self.place, &self.named, false)?;
        let (stats, known) = run.finish()?;
        let seen = (stats.tally.lines, stats.tally.span, stats.spans, stats.interactions);
        let all = self.written;
        if seen == (all, all, all, all) {
            return Ok(());
        }
        Err(format!("{all} lines written; (lines, with spans, spans, interactions) {seen:?}: {known:#?}").into())
    }
}

/// Reading into the store that is kept.
struct Run {
    store: Store,
    sources: sources::Sources,
    worker: JoinHandle<()>,
}

impl Run {
    fn start(place: &Path, named: &str, follow: bool) -> Result<Self, Box<dyn std::error::Error>> {
        let options = Options::new(Arc::new(Prices::embedded()), place.join("cache"));
        let store = Store::open(
            Location::File(place.join("spans.duckdb")),
            options,
            |_| {},
            |problem| eprintln!("{problem}"),
        )?;
        let (sender, events) = crossbeam_channel::bounded(2);
        let options = sources::Options {
            follow,
            dialect: None,
            known: store.resume()?,
            next_id: store.next_source_id()?,
            block_bytes: 4_000,
            since: None,
            floors: Arc::default(),
            poll: Duration::from_millis(20),
            spool: None,
            ssh: vec!["ssh".into()],
        };
        let sources = sources::spawn(vec![sources::parse_spec(named)?], options, sender)?;
        let intake = store.intake();
        let worker = std::thread::spawn(move || {
            for event in events {
                if let Event::Block(block) = event
                    && intake.send(spanscope::formats::parse(&block)).is_err()
                {
                    return;
                }
            }
        });
        Ok(Self { store, sources, worker })
    }

    fn stats(&self) -> Result<Stats, Box<dyn std::error::Error>> {
        match self.store.ask_now(Query::Stats) {
            Reply::Stats(stats) => Ok(*stats),
            other => Err(format!("{other:?}").into()),
        }
    }

    /// In the middle of whatever it does.
    fn stop(mut self) -> Outcome {
        self.sources.stop();
        self.worker.join().map_err(|_| "the parser panicked")?;
        self.store.close();
        Ok(())
    }

    /// To the end of every file.
    fn finish(self) -> Result<(Stats, Vec<Resume>), Box<dyn std::error::Error>> {
        self.sources.join();
        self.worker.join().map_err(|_| "the parser panicked")?;
        self.store.flush()?;
        let stats = match self.store.ask_now(Query::Stats) {
            Reply::Stats(stats) => *stats,
            other => return Err(format!("{other:?}").into()),
        };
        let known = self.store.resume()?;
        self.store.close();
        Ok((stats, known))
    }
}
