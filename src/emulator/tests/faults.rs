//! Every scripted fault as the client on the wire sees it, and what was executed behind it.

use std::io::ErrorKind;

use serde_json::{Value, json};

use crate::emulator::testing::{Client, NOW, Reply, Signed, emulator, sample_with, vm};
use crate::emulator::{Emulator, Fault, Gate, On, Status, Times, Verdict, When};

fn create() -> Vec<u8> {
    let body = sample_with(json!({ "instanceCount": 3 })).to_string();
    Signed::at(NOW).request("vm", "CreateInstances", "2026-04-01", body.as_bytes())
}

async fn scripted(fault: Fault) -> (Emulator, Client) {
    let (emulator, _) = emulator().await;
    emulator.script(fault, On::create(), Times::Exactly(1));
    let client = Client::connect(&emulator).await;
    (emulator, client)
}

/// The answer to a create under a fault, and how many machines there are after it.
async fn answer(fault: Fault) -> (Reply, usize) {
    let (emulator, mut client) = scripted(fault).await;
    let reply = client.call(&create()).await;
    assert_eq!(emulator.faults_left(), 0);
    (reply, emulator.instance_count())
}

/// The error a client gets instead of an answer, how many machines there are, and the verdict.
async fn broken(fault: Fault) -> (ErrorKind, usize, Option<Verdict>) {
    let (emulator, mut client) = scripted(fault).await;
    client.send(&create()).await;
    let error = client.reply().await.unwrap_err().kind();
    (error, emulator.instance_count(), emulator.requests().pop().map(|seen| seen.verdict))
}

#[tokio::test]
async fn refusals_before_execute_nothing_and_after_they_lie() {
    for (status, code) in [(403, "ANY_CODE"), (503, "SERVICE_TEMPORARY_UNAVAILABLE"), (200, "ODD")] {
        let (reply, machines) = answer(Fault::refuse(status, code)).await;
        assert_eq!((reply.refusal(), machines), ((status, code.to_owned()), 0));
        let (reply, machines) = answer(Fault::refuse_after(status, code)).await;
        assert_eq!((reply.refusal(), machines), ((status, code.to_owned()), 3));
    }
    let (reply, machines) = answer(Fault::insufficient_balance()).await;
    assert_eq!((reply.status, machines), (403, 0));
    let (reply, _) = answer(Fault::rate_limit(7)).await;
    assert_eq!(reply.refusal(), (429, "REQUEST_LIMIT_EXCEEDED".to_owned()));
    assert!(reply.head.contains("Retry-After: 7\r\n"));
}

#[tokio::test]
async fn pages_and_redirects_come_as_written() {
    let (reply, machines) = answer(Fault::html(When::After, 502)).await;
    assert_eq!((reply.status, machines), (502, 3));
    assert!(reply.head.contains("text/html") && reply.body.starts_with(b"<html>"));
    let (reply, machines) = answer(Fault::html(When::Before, 408)).await;
    assert_eq!((reply.status, machines), (408, 0));
    let (reply, machines) = answer(Fault::body("{}")).await;
    assert_eq!((reply.status, reply.body.as_slice(), machines), (200, b"{}".as_slice(), 3));
    let location = "http://127.0.0.1:1/".to_owned();
    let (reply, _) = answer(Fault::Redirect { when: When::Before, status: 307, location }).await;
    assert!(
        reply.head.starts_with("HTTP/1.1 307 ") && reply.head.contains("Location: http://127.0.0.1:1/\r\n")
    );
}

#[tokio::test]
async fn good_answers_are_bent() {
    let ids = |value: &Value| value["response"]["instanceIdSet"].as_array().map(Vec::len);
    let (reply, machines) = answer(Fault::NullResponse).await;
    assert_eq!((&reply.json()["response"], machines), (&Value::Null, 3));
    let (reply, _) = answer(Fault::NoRequestId).await;
    assert!(reply.json().get("requestId").is_none());
    assert_eq!(ids(&reply.json()), Some(3));
    let (reply, machines) = answer(Fault::FewerIds { missing: 1 }).await;
    assert_eq!((ids(&reply.json()), machines), (Some(2), 3));
    assert_eq!(reply.json()["response"]["instances"].as_array().unwrap().len(), 2);
    let (reply, _) = answer(Fault::RepeatedIds).await;
    let set = reply.json()["response"]["instanceIdSet"].clone();
    assert_eq!((set.as_array().unwrap().len(), &set[0]), (3, &set[2]));
    let (reply, machines) = answer(Fault::NoIds).await;
    assert_eq!((ids(&reply.json()), machines), (None, 3));
    let (reply, _) = answer(Fault::Huge { bytes: 3_000_000 }).await;
    assert!(reply.body.len() > 3_000_000 && ids(&reply.json()) == Some(3));
}

#[tokio::test]
async fn connections_end_without_an_answer() {
    let (eof, reset) = (ErrorKind::UnexpectedEof, ErrorKind::ConnectionReset);
    let before = Some(Verdict::FaultBefore);
    let after = Some(Verdict::FaultAfter);
    assert_eq!(broken(Fault::Close { when: When::Before }).await, (eof, 0, before.clone()));
    assert_eq!(broken(Fault::Close { when: When::After }).await, (eof, 3, after.clone()));
    assert_eq!(broken(Fault::Reset { when: When::Before }).await, (reset, 0, before));
    assert_eq!(broken(Fault::Reset { when: When::After }).await, (reset, 3, after));
    assert_eq!(broken(Fault::ResetUnread).await, (reset, 0, None));
    let (error, machines, verdict) = broken(Fault::CloseUnread).await;
    assert!(matches!(error, ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset));
    assert_eq!((machines, verdict), (0, None));
}

#[tokio::test]
async fn an_unread_fault_waits_for_bytes_also_on_a_used_connection() {
    let (emulator, _) = emulator().await;
    let mut client = Client::connect(&emulator).await;
    client.call(&create()).await.good();
    emulator.script(Fault::ResetUnread, On::any(), Times::Exactly(1));
    assert_eq!(emulator.faults_left(), 1);
    client.send(&create()).await;
    assert_eq!(client.reply().await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!((emulator.requests().len(), emulator.instance_count()), (1, 3));
}

#[tokio::test]
async fn an_answer_is_cut_after_the_given_bytes() {
    let (emulator, mut client) = scripted(Fault::Cut { bytes: 40 }).await;
    client.send(&create()).await;
    let rest = client.rest().await.unwrap();
    assert_eq!(rest.len(), 40);
    assert!(rest.starts_with(b"HTTP/1.1 200 OK\r\n"));
    assert_eq!(emulator.instance_count(), 3);
}

#[tokio::test]
async fn more_than_one_answer_comes_on_the_wire() {
    let (_emulator, mut client) = scripted(Fault::SecondAnswer).await;
    let first = client.call(&create()).await;
    assert_eq!(first.json(), client.reply().await.unwrap().json());
    let (_emulator, mut client) =
        scripted(Fault::SpareBytes { text: "HTTP/1.1 200 OK\r\n\r\n".to_owned() }).await;
    client.call(&create()).await.good();
    assert_eq!(client.reply().await.unwrap().body, b"");
}

#[tokio::test]
async fn a_kept_connection_is_closed_after_the_answer() {
    let (emulator, mut client) = scripted(Fault::CloseAfterAnswer).await;
    let reply = client.call(&create()).await;
    assert!(!reply.head.contains("Connection: close"));
    assert_eq!(client.rest().await.unwrap(), b"");
    assert_eq!(emulator.instance_count(), 3);
}

#[tokio::test]
async fn slow_answers_are_whole() {
    let (_emulator, mut client) = scripted(Fault::Drip { bytes: 50, millis: 1 }).await;
    client.call(&create()).await.good();
    let (_emulator, mut client) = scripted(Fault::Delay { when: When::After, millis: 1 }).await;
    client.call(&create()).await.good();
}

#[tokio::test]
async fn a_gate_holds_a_request_on_either_side_of_its_execution() {
    for (when, made) in [(When::Before, 0), (When::After, 3)] {
        let gate = Gate::new();
        let (emulator, mut client) = scripted(Fault::hold(when, &gate)).await;
        client.send(&create()).await;
        gate.reached(1).await;
        emulator.arrived(1).await;
        assert_eq!(emulator.instance_count(), made);
        gate.open();
        client.reply().await.unwrap().good();
        assert_eq!((emulator.instance_count(), emulator.creates()), (3, 1));
        assert_eq!(emulator.requests()[0].verdict, Verdict::Executed);
    }
}

#[tokio::test]
async fn a_held_create_outlives_its_client_until_the_fate_is_known() {
    let gate = Gate::new();
    let (emulator, mut client) = scripted(Fault::hold(When::Before, &gate)).await;
    client.send(&create()).await;
    gate.reached(1).await;
    drop(client);
    gate.open();
    emulator.created(1).await;
    assert_eq!(emulator.instance_count(), 3);
}

#[tokio::test]
async fn faults_combine_and_strike_in_order() {
    let gate = Gate::new();
    let both = vec![Fault::hold(When::After, &gate), Fault::Reset { when: When::After }];
    let (emulator, mut client) = scripted(Fault::All { faults: both }).await;
    client.send(&create()).await;
    gate.reached(1).await;
    assert_eq!(emulator.instance_count(), 3);
    gate.open();
    assert_eq!(client.reply().await.unwrap_err().kind(), ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn scripts_count_down_and_fit_only_their_action() {
    let (emulator, _) = emulator().await;
    emulator.script(Fault::refuse(503, "X"), On::create(), Times::Exactly(2));
    emulator.script(Fault::refuse(500, "Y"), On::action("vm", "DescribeZones"), Times::Forever);
    let mut codes = Vec::new();
    for _ in 0..3 {
        codes.push(vm(&emulator, "CreateInstances", &sample_with(json!({}))).await.status);
        codes.push(vm(&emulator, "DescribeZones", &json!({})).await.status);
    }
    assert_eq!(codes, [503, 500, 503, 500, 200, 500]);
    emulator.clear_faults();
    vm(&emulator, "DescribeZones", &json!({})).await.good();
}

#[tokio::test]
async fn a_request_with_a_wrong_signature_meets_no_fault() {
    let (emulator, mut client) = scripted(Fault::refuse(503, "X")).await;
    let wrong = Signed { secret: "other", ..Signed::at(NOW) };
    assert_eq!(client.call(&wrong.request("vm", "CreateInstances", "", b"{}")).await.status, 401);
    assert_eq!(emulator.faults_left(), 1);
}

#[tokio::test]
async fn creates_fail_or_vanish_later() {
    for (fault, end) in [(Fault::CreateFails, Some(Status::CreateFailed)), (Fault::Vanishes, None)] {
        let (emulator, clock) = emulator().await;
        emulator.script(fault, On::create(), Times::Exactly(1));
        vm(&emulator, "CreateInstances", &sample_with(json!({}))).await.good();
        assert_eq!(emulator.instances()[0].status, Status::Pending);
        clock.advance(std::time::Duration::from_secs(6));
        assert_eq!(emulator.instances().first().map(|instance| instance.status), end);
    }
}
