//! What was judged is what the cloud reads, whichever reader it has: bodies in every spelling are sent through the gateway, and
//! what it forwarded is read by Python, Node, Go (bound to a struct, which is blind to case), SQLite and serde. All must see
//! the machine that stands in the decision record.
//!
//! `ZENGATE_READERS=100000 cargo test --test zengate hard::readers -- --ignored --nocapture`

use std::io::Write as _;
use std::net::TcpStream;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use zengate::emulator;

use crate::support::client::{connect, read_answer};
use crate::support::random::Random;
use crate::support::world::{Setup, organisation};
use crate::support::{Call, World, eventually};

/// Each program reads one body a line and writes what it sees: zone, type, count, group, wall, name, tags.
const PYTHON: &str = r#"
import json, sys
for line in sys.stdin.buffer:
    body = json.loads(line)
    tags = (body.get("tags") or {}).get("tags") or []
    seen = [body.get("zoneId"), body.get("instanceType"), body.get("instanceCount", 1), body.get("resourceGroupId"),
            body.get("securityGroupId"), body.get("instanceName"), [[t.get("key"), t.get("value")] for t in tags]]
    print(json.dumps(seen))
"#;

const NODE: &str = r#"
for (const line of require("fs").readFileSync(0, "utf8").split("\n").filter(line => line)) {
    const body = JSON.parse(line);
    const tags = (body.tags || {}).tags || [];
    const or = value => value === undefined ? null : value;
    console.log(JSON.stringify([or(body.zoneId), or(body.instanceType), body.instanceCount === undefined ? 1 : body.instanceCount,
        or(body.resourceGroupId), or(body.securityGroupId), or(body.instanceName), tags.map(t => [or(t.key), or(t.value)])]));
}
"#;

const GO: &str = r#"package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
)

type tag struct {
	Key   *string `json:"key"`
	Value *string `json:"value"`
}

type body struct {
	Zone  *string `json:"zoneId"`
	Type  *string `json:"instanceType"`
	Count *int    `json:"instanceCount"`
	Group *string `json:"resourceGroupId"`
	Wall  *string `json:"securityGroupId"`
	Name  *string `json:"instanceName"`
	Tags  struct {
		Tags []tag `json:"tags"`
	} `json:"tags"`
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<22)
	for lines.Scan() {
		var seen body
		if err := json.Unmarshal(lines.Bytes(), &seen); err != nil {
			panic(err)
		}
		count := 1
		if seen.Count != nil {
			count = *seen.Count
		}
		pairs := [][]*string{}
		for _, one := range seen.Tags.Tags {
			pairs = append(pairs, []*string{one.Key, one.Value})
		}
		text, err := json.Marshal([]any{seen.Zone, seen.Type, count, seen.Group, seen.Wall, seen.Name, pairs})
		if err != nil {
			panic(err)
		}
		fmt.Println(string(text))
	}
}
"#;

/// What SQLite's own JSON reader sees.
const SQL: &str = "select json_array(json_extract(?1, '$.zoneId'), json_extract(?1, '$.instanceType'),
    coalesce(json_extract(?1, '$.instanceCount'), 1), json_extract(?1, '$.resourceGroupId'),
    json_extract(?1, '$.securityGroupId'), json_extract(?1, '$.instanceName'),
    json((select json_group_array(json_array(json_extract(value, '$.key'), json_extract(value, '$.value')))
          from json_each(?1, '$.tags.tags'))))";

/// A text as JSON, with some of its letters escaped.
fn spelt(dice: &mut Random, text: &str) -> String {
    let mut spelt = String::from("\"");
    for letter in text.chars() {
        if !letter.is_control() && !"\"\\".contains(letter) && !dice.chance(20) {
            spelt.push(letter);
            continue;
        }
        let mut units = [0; 2];
        for unit in letter.encode_utf16(&mut units) {
            spelt += &if dice.chance(50) { format!("\\u{unit:04x}") } else { format!("\\u{unit:04X}") };
        }
    }
    spelt + "\""
}

fn space(dice: &mut Random) -> &'static str {
    let space: &&str = dice.pick(&["", "", "", " ", "\n", "\t ", "\r\n"]);
    space
}

const COUNTS: &[&str] = &[
    "1",
    "2",
    "3",
    "10",
    " 2",
    "null",
    "1.0",
    "1e0",
    "01",
    "-1",
    "-0",
    "0",
    "\"2\"",
    "11",
    "true",
    "[2]",
    "{}",
    "9223372036854775808",
    "1E400",
    "2147483649",
    "4294967297",
    "0x1",
    "+1",
    "1_0",
    "NaN",
];

const VALUES: &[&str] = &[
    "a",
    "",
    "ä",
    "日本",
    "\u{1f600}",
    "a\"b",
    "back\\slash",
    "line\nbreak",
    "\u{2028}",
    "</script>",
    "\u{7f}",
    "a\u{0}b",
    "\u{fffd}",
    "e\u{301}",
    "\u{feff}x",
    "\u{ffff}",
    "%00",
    "&amp;",
    "'; --",
    "${x}",
];

/// Members that try to be seen by one reader and not by another.
const TRICKS: &[&str] = &[
    "\"instanceCount\":500",
    "\"InstanceCount\":500",
    "\"instance\\u0043ount\":500",
    "\"instanceCount\\u0000\":500",
    "\"instanceCount \":500",
    "\"in\u{17f}tanceCount\":500",
    "\"zoneid\":\"MOON-A\"",
    "\"\\u007aoneId\":\"MOON-A\"",
    "\"zoneId\\ud800\":\"MOON-A\"",
    "\"\":1",
    "\"__proto__\":{\"instanceCount\":500}",
    "\"constructor\":{}",
    "\"resourceGroupId\":null",
    "\"resourceGroupId\":\"\"",
    "\"tags\":null",
    "\"tags\":{\"tags\":null}",
    "\"tags\":{\"tags\":[null]}",
    "\"tags\":{\"Tags\":[]}",
    "\"tags\":[{\"key\":\"owner\",\"value\":\"x\"}]",
    "//\"instanceCount\":500\n\"clientToken\":\"x\"",
    "/**/\"instanceCount\":500",
    "'instanceCount':500",
    "instanceCount:500",
];

/// A create in some spelling; many are refused, and some are no JSON.
fn body(dice: &mut Random, number: usize) -> String {
    let zone = *dice.pick(&["SEL-A", "HKG-A", "SEL-A", "MOON-A"]);
    let mut members: Vec<(&str, String)> = vec![
        ("zoneId", spelt(dice, zone)),
        ("instanceType", spelt(dice, "c.1c2g")),
        ("imageId", spelt(dice, "img-yKK4q6XybymPgfx7ynUUqC3N8")),
        ("instanceChargeType", spelt(dice, "POSTPAID")),
        ("internetChargeType", spelt(dice, "ByBandwidth")),
        ("instanceName", spelt(dice, &format!("reader-{number}"))),
    ];
    if dice.chance(50) {
        members.push(("instanceCount", (*dice.pick(COUNTS)).to_owned()));
    }
    if dice.chance(30) {
        let tags: Vec<String> = (0..dice.below(4))
            .map(|_| {
                let (key, value) = (*dice.pick(&["owner", "env", "Owner", "cost"]), *dice.pick(VALUES));
                let words = ["key", key, "value", value].map(|word| spelt(dice, word));
                format!("{{{}:{},{}:{}}}", words[0], words[1], words[2], words[3])
            })
            .collect();
        members.push(("tags", format!("{{\"tags\":[{}]}}", tags.join(","))));
    }
    let at = dice.below(members.len());
    members.rotate_left(at);
    let mut written: Vec<String> = Vec::new();
    for (key, value) in &members {
        let key = if dice.chance(25) { spelt(dice, key) } else { format!("\"{key}\"") };
        let spaces = [(); 4].map(|()| space(dice));
        written.push(format!("{}{key}{}:{}{value}{}", spaces[0], spaces[1], spaces[2], spaces[3]));
    }
    if dice.chance(20) {
        let at = dice.below(written.len() + 1);
        written.insert(at, (*dice.pick(TRICKS)).to_owned());
    }
    let tail = if dice.chance(10) {
        *dice.pick(&[" ", ",", "\u{0}", "{}", "//x", "}", "\u{feff}", "\n\n"])
    } else {
        ""
    };
    format!("{}{{{}}}{tail}", space(dice), written.join(","))
}

/// What another program sees in each body.
fn read_by(program: &mut Command, bodies: &[String]) -> Vec<Value> {
    let name = program.get_program().to_string_lossy().into_owned();
    let started = program.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut child = started.unwrap_or_else(|error| panic!("{name}: {error}"));
    let mut stdin = child.stdin.take().unwrap();
    let text = bodies.join("\n") + "\n";
    let writing = std::thread::spawn(move || stdin.write_all(text.as_bytes()));
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{name} could not read what was forwarded");
    writing.join().unwrap().unwrap();
    let lines = String::from_utf8(output.stdout).unwrap();
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn read_by_sqlite(bodies: &[String]) -> Vec<Value> {
    let database = rusqlite::Connection::open_in_memory().unwrap();
    let mut question = database.prepare(SQL).unwrap();
    let mut read = |body: &String| question.query_row([body], |row| row.get::<_, String>(0)).unwrap();
    bodies.iter().map(|body| serde_json::from_str(&read(body)).unwrap()).collect()
}

fn project(body: &Value) -> Value {
    let count = if body["instanceCount"].is_null() { json!(1) } else { body["instanceCount"].clone() };
    let tags = body["tags"]["tags"].as_array().cloned().unwrap_or_default();
    let tags: Vec<Value> = tags.iter().map(|tag| json!([tag["key"], tag["value"]])).collect();
    json!([
        body["zoneId"],
        body["instanceType"],
        count,
        body["resourceGroupId"],
        body["securityGroupId"],
        body["instanceName"],
        tags
    ])
}

/// What was judged: what came, with what the rules have added.
fn judged_as(record: &Value) -> Value {
    let mut request = record["request"].clone();
    for change in record["changes"].as_array().unwrap() {
        let path = change["path"].as_str().unwrap().strip_prefix('/').unwrap();
        assert!(!path.contains('/'), "the stock rules add at the top: {change}");
        request[path] = change["after"].clone();
    }
    request
}

/// Sends the bodies over one connection after the other; gives how many were answered with which status.
fn send(world: &World, bodies: impl Iterator<Item = String>) -> [usize; 3] {
    let mut connection: Option<TcpStream> = None;
    let mut statuses = [0; 3];
    for body in bodies {
        let call = Call::new("vm", "CreateInstances").version("2026-04-01").body(&body);
        let mut open = connection.take().unwrap_or_else(|| connect(world.address()));
        open.write_all(&call.bytes(world.address())).unwrap();
        let answer = read_answer(&mut open).unwrap();
        let at = [200, 400, 403].iter().position(|status| *status == answer.status);
        statuses[at.unwrap_or_else(|| panic!("{body}: {}", answer.json()))] += 1;
        connection = (answer.header("connection") != Some("close")).then_some(open);
    }
    statuses
}

#[test]
#[ignore = "needs Python, Node and Go; .ci/run installs them and names them in ZENGATE_TEST_PYTHON and ZENGATE_TEST_GO"]
fn every_reader_sees_the_machine_that_was_judged() {
    let python = std::env::var("ZENGATE_TEST_PYTHON").expect("ZENGATE_TEST_PYTHON names a Python");
    let go = std::env::var("ZENGATE_TEST_GO").expect("ZENGATE_TEST_GO names the go command");
    let size = std::env::var("ZENGATE_READERS").map_or(5_000, |text| text.parse().unwrap());
    let emulator =
        emulator::Options { instance_quota: 1_000_000, keep_requests: size, ..Setup::default().emulator };
    let config = "[records]\nto = { file = \"records.jsonl\" }\nrotate_size = \"10GiB\"\n".to_owned();
    let world = World::with(Setup { config, emulator, organisation: organisation(), ..Setup::default() });
    let mut dice = Random::new(41);
    let [made, malformed, refused] = send(&world, (0..size).map(|number| body(&mut dice, number)));

    let seen = world.emulator.requests();
    let bodies: Vec<String> =
        seen.iter().map(|seen| String::from_utf8(seen.body.to_vec()).unwrap()).collect();
    assert_eq!(bodies.len(), made, "what was not answered with 200 was not sent");
    assert!(made > size / 10 && malformed > size / 10 && refused > size / 20, "{made} {malformed} {refused}");
    let place = tempfile::TempDir::new().unwrap();
    std::fs::write(place.path().join("main.go"), GO).unwrap();
    let own: Vec<Value> = bodies.iter().map(|body| project(&serde_json::from_str(body).unwrap())).collect();
    for (reader, others) in [
        ("SQLite", read_by_sqlite(&bodies)),
        ("Python", read_by(Command::new(python).args(["-c", PYTHON]), &bodies)),
        ("Node", read_by(Command::new("node").args(["-e", NODE]), &bodies)),
        ("Go", read_by(Command::new(go).args(["run", "main.go"]).current_dir(place.path()), &bodies)),
    ] {
        assert_eq!(others.len(), bodies.len(), "{reader}");
        for ((own, other), body) in own.iter().zip(&others).zip(&bodies) {
            assert_eq!(own, other, "{reader} reads {body}");
        }
    }
    // And it is the one that was judged.
    let path = world.gateway.directory().join("records.jsonl");
    let judged: Vec<Value> = eventually("all records", || {
        let text = std::fs::read_to_string(&path).ok()?;
        let records = text.lines().map(serde_json::from_str::<Value>);
        let sent = records.filter_map(Result::ok).filter(|record| record["upstream"]["fate"].is_string());
        let sent: Vec<Value> = sent.collect();
        (sent.len() >= bodies.len()).then_some(sent)
    });
    assert_eq!(judged.len(), bodies.len());
    for (record, own) in judged.iter().zip(&own) {
        assert_eq!(project(&judged_as(record)), *own, "{record}");
        let claims = record["claims"].as_array().unwrap();
        let of_team = |claim: &&Value| claim["scope"] == "team/payments" && claim["resource"] == "instances";
        assert_eq!(claims.iter().find(of_team).unwrap()["amount"], own[2], "{record}");
    }
    println!("of {size} bodies {made} were forwarded, and read alike by five readers and the rules");
}
