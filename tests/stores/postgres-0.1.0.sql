-- A ledger as version 0.1.0 wrote it: three machines, and a create of three more whose outcome is unknown.
SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
CREATE SCHEMA zengate;
CREATE FUNCTION zengate.append(seqs bigint[], texts text[], checksums bytea[], after bigint, after_checksum bytea) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'zengate', 'pg_catalog'
    AS $$
    BEGIN
        INSERT INTO journal SELECT * FROM unnest(seqs, texts, checksums);
        UPDATE head SET seq = seqs[cardinality(seqs)], checksum = checksums[cardinality(seqs)]
            WHERE head.seq = after AND head.checksum = after_checksum;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'the head was moved under its lock' USING ERRCODE = 'ZG001';
        END IF;
    END $$;
CREATE FUNCTION zengate.keep_checkpoint(at bigint, state text, sum bytea, until bigint, until_checksum bytea) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'zengate', 'pg_catalog'
    AS $$
    BEGIN
        PERFORM FROM head FOR UPDATE;
        INSERT INTO checkpoint (seq, text, checksum) VALUES (at, state, sum)
            ON CONFLICT (one) DO UPDATE SET seq = at, text = state, checksum = sum
            WHERE checkpoint.seq < at;
        IF FOUND THEN
            DELETE FROM journal WHERE seq <= until;
            UPDATE head SET floor = until, floor_checksum = until_checksum WHERE floor < until;
        END IF;
    END $$;
SET default_tablespace = '';
SET default_table_access_method = heap;
CREATE TABLE zengate.checkpoint (
    one boolean DEFAULT true NOT NULL,
    seq bigint NOT NULL,
    text text NOT NULL,
    checksum bytea NOT NULL,
    CONSTRAINT checkpoint_one_check CHECK (one)
);
CREATE TABLE zengate.head (
    one boolean DEFAULT true NOT NULL,
    floor bigint NOT NULL,
    floor_checksum bytea NOT NULL,
    seq bigint NOT NULL,
    checksum bytea NOT NULL,
    CONSTRAINT head_one_check CHECK (one)
)
WITH (fillfactor='10');
CREATE TABLE zengate.journal (
    seq bigint NOT NULL,
    text text NOT NULL,
    checksum bytea NOT NULL
);
CREATE TABLE zengate.leader (
    one boolean DEFAULT true NOT NULL,
    owner uuid NOT NULL,
    until timestamp with time zone NOT NULL,
    CONSTRAINT leader_one_check CHECK (one)
);
CREATE TABLE zengate.owner (
    id uuid NOT NULL,
    renewed timestamp with time zone NOT NULL
);
CREATE TABLE zengate.zengate_version (
    version integer NOT NULL,
    applied timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);
INSERT INTO zengate.head VALUES (true, 0, '\x00000000000000000000000000000000', 12, '\xac3c4cb0216f1f1c38eea9b3744856f7');
INSERT INTO zengate.journal VALUES (1, '{"event":"limits","at":1795997111734,"limits":[{"scope":"team/payments","resource":"instances","limit":10}]}', '\x18c5fa520f2633a0151e3d97f98bc589');
INSERT INTO zengate.journal VALUES (2, '{"event":"reserved","id":"01a229c5-1582-701c-bbdb-0506a795a2a8","at":1795997111734,"owner":"c8a9fa81-7178-4ad0-88c3-4d48b8e355d7","asker":{"team":"payments","key":"ZGpayments01","address":"127.0.0.1"},"account":"main","call":{"service":"vm","action":"CreateInstances","version":"2026-04-01"},"instances":2,"claims":[{"scope":"organisation","resource":"instances","amount":2},{"scope":"organisation","resource":"vcpus","amount":2},{"scope":"organisation","resource":"memory_gb","amount":4},{"scope":"organisation","resource":"disk_gb","amount":80},{"scope":"organisation","resource":"public_ips","amount":2},{"scope":"team/payments","resource":"instances","amount":2},{"scope":"team/payments","resource":"vcpus","amount":2},{"scope":"team/payments","resource":"memory_gb","amount":4},{"scope":"team/payments","resource":"disk_gb","amount":80},{"scope":"team/payments","resource":"public_ips","amount":2},{"scope":"team/payments/zone/SEL-A","resource":"instances","amount":2}],"view":{"count":2,"zone":"SEL-A","type":"c.1c2g","image":"img-yKK4q6XybymPgfx7ynUUqC3N8","network_boot":false,"name":"first","charge_type":"POSTPAID","prepaid_months":null,"internet_charge_type":"ByBandwidth","bandwidth_mbps":null,"subnet":null,"resource_group":null,"security_group":null,"resource_group_path":"/resourceGroupId","security_group_path":"/securityGroupId","tags":{},"tags_supported":true,"tags_supported_by":null,"key_pair":false,"password":false,"script":false,"system_disk_gb":null,"data_disks":[],"public_ipv4":null,"public_ipv6":null},"marks":{"fingerprint":"d76437757e03402d52ff0c6f4f6dd44c07a61f4dfe3f1a6850d500b52be09d1b"}}', '\xe1cc35a257c7bd524b7571538dce69be');
INSERT INTO zengate.journal VALUES (3, '{"event":"settled","id":"01a229c5-1582-701c-bbdb-0506a795a2a8","at":1795997111780,"outcome":{"created":{"ids":["1310000000000000002","1310000000000000004"],"missing":0}},"answer":{"status":200,"body":"{\"requestId\":\"TFA635D5E-6A3E-418F-B2D0-B0B3095C0AAE\",\"response\":{\"requestId\":\"TFA635D5E-6A3E-418F-B2D0-B0B3095C0AAE\",\"instanceIdSet\":[\"1310000000000000002\",\"1310000000000000004\"],\"orderNumber\":\"1310000000000000001\",\"instances\":[{\"instanceId\":\"1310000000000000002\",\"diskIdSet\":[]},{\"instanceId\":\"1310000000000000004\",\"diskIdSet\":[]}]}}"}}', '\x324b6402138f1cc3bc52d8068041f336');
INSERT INTO zengate.journal VALUES (4, '{"event":"client","id":"01a229c5-1582-701c-bbdb-0506a795a2a8","at":1795997111815,"news":"delivered"}', '\xda53518ca787c3f0d2bf02e23a9d3bd7');
INSERT INTO zengate.journal VALUES (5, '{"event":"reserved","id":"01a229c5-162c-7a9e-a4b8-2cb3f84440aa","at":1795997111939,"owner":"c8a9fa81-7178-4ad0-88c3-4d48b8e355d7","asker":{"team":"payments","key":"ZGpayments01","address":"127.0.0.1"},"account":"main","call":{"service":"vm","action":"CreateInstances","version":"2026-04-01"},"instances":1,"claims":[{"scope":"organisation","resource":"instances","amount":1},{"scope":"organisation","resource":"vcpus","amount":1},{"scope":"organisation","resource":"memory_gb","amount":2},{"scope":"organisation","resource":"disk_gb","amount":40},{"scope":"organisation","resource":"public_ips","amount":1},{"scope":"team/payments","resource":"instances","amount":1},{"scope":"team/payments","resource":"vcpus","amount":1},{"scope":"team/payments","resource":"memory_gb","amount":2},{"scope":"team/payments","resource":"disk_gb","amount":40},{"scope":"team/payments","resource":"public_ips","amount":1},{"scope":"team/payments/zone/SEL-A","resource":"instances","amount":1}],"view":{"count":1,"zone":"SEL-A","type":"c.1c2g","image":"img-yKK4q6XybymPgfx7ynUUqC3N8","network_boot":false,"name":"second","charge_type":"POSTPAID","prepaid_months":null,"internet_charge_type":"ByBandwidth","bandwidth_mbps":null,"subnet":null,"resource_group":null,"security_group":null,"resource_group_path":"/resourceGroupId","security_group_path":"/securityGroupId","tags":{},"tags_supported":true,"tags_supported_by":null,"key_pair":false,"password":false,"script":false,"system_disk_gb":null,"data_disks":[],"public_ipv4":null,"public_ipv6":null},"marks":{"fingerprint":"0c305581749a29f508ea46ab59198ca4932c8c8418fe3e9b29c1d8bee29909b4"}}', '\x77e63913cfdb8888ebca9417d6d077fc');
INSERT INTO zengate.journal VALUES (6, '{"event":"settled","id":"01a229c5-162c-7a9e-a4b8-2cb3f84440aa","at":1795997111978,"outcome":{"created":{"ids":["1310000000000000007"],"missing":0}},"answer":{"status":200,"body":"{\"requestId\":\"T4958705B-5EFF-4F90-8C0A-3839193C8EF7\",\"response\":{\"requestId\":\"T4958705B-5EFF-4F90-8C0A-3839193C8EF7\",\"instanceIdSet\":[\"1310000000000000007\"],\"orderNumber\":\"1310000000000000006\",\"instances\":[{\"instanceId\":\"1310000000000000007\",\"diskIdSet\":[]}]}}"}}', '\x8f553ac7fa5cc3fc1679443f4f24e6d4');
INSERT INTO zengate.journal VALUES (7, '{"event":"client","id":"01a229c5-162c-7a9e-a4b8-2cb3f84440aa","at":1795997112025,"news":"delivered"}', '\x727ee9d90bf1d3f92256a58216dd5993');
INSERT INTO zengate.journal VALUES (8, '{"event":"reserved","id":"01a229c5-2699-7d57-8d39-bccc52234109","at":1795997116074,"owner":"c8a9fa81-7178-4ad0-88c3-4d48b8e355d7","asker":{"team":"payments","key":"ZGpayments01","address":"127.0.0.1"},"account":"main","call":{"service":"vm","action":"TerminateInstance","version":"2026-04-01"},"instances":0,"claims":[],"marks":{}}', '\xd377fd441a7a5bd94c1718ff2457e2da');
INSERT INTO zengate.journal VALUES (9, '{"event":"settled","id":"01a229c5-2699-7d57-8d39-bccc52234109","at":1795997116093,"outcome":"void"}', '\x552bd47f0f370cb15ebe0aa836068f42');
INSERT INTO zengate.journal VALUES (10, '{"event":"reserved","id":"01a229c5-2700-7a2a-8828-e204d80e65a8","at":1795997116167,"owner":"c8a9fa81-7178-4ad0-88c3-4d48b8e355d7","asker":{"team":"payments","key":"ZGpayments01","address":"127.0.0.1"},"account":"main","call":{"service":"vm","action":"CreateInstances","version":"2026-04-01"},"instances":3,"claims":[{"scope":"organisation","resource":"instances","amount":3},{"scope":"organisation","resource":"vcpus","amount":3},{"scope":"organisation","resource":"memory_gb","amount":6},{"scope":"organisation","resource":"disk_gb","amount":120},{"scope":"organisation","resource":"public_ips","amount":3},{"scope":"team/payments","resource":"instances","amount":3},{"scope":"team/payments","resource":"vcpus","amount":3},{"scope":"team/payments","resource":"memory_gb","amount":6},{"scope":"team/payments","resource":"disk_gb","amount":120},{"scope":"team/payments","resource":"public_ips","amount":3},{"scope":"team/payments/zone/SEL-A","resource":"instances","amount":3}],"view":{"count":3,"zone":"SEL-A","type":"c.1c2g","image":"img-yKK4q6XybymPgfx7ynUUqC3N8","network_boot":false,"name":"lost","charge_type":"POSTPAID","prepaid_months":null,"internet_charge_type":"ByBandwidth","bandwidth_mbps":null,"subnet":null,"resource_group":null,"security_group":null,"resource_group_path":"/resourceGroupId","security_group_path":"/securityGroupId","tags":{},"tags_supported":true,"tags_supported_by":null,"key_pair":false,"password":false,"script":false,"system_disk_gb":null,"data_disks":[],"public_ipv4":null,"public_ipv6":null},"marks":{"fingerprint":"1cf60acb29f4af699b5e1f4a2d3d4285bc663f91286359ff52c236ba61566850"}}', '\xfc1e693ed3fd48c83b6bf654cf064627');
INSERT INTO zengate.journal VALUES (11, '{"event":"settled","id":"01a229c5-2700-7a2a-8828-e204d80e65a8","at":1795997116175,"outcome":"unknown"}', '\xc6f05aa0c049e15f6660e759d97f1d05');
INSERT INTO zengate.journal VALUES (12, '{"event":"client","id":"01a229c5-2700-7a2a-8828-e204d80e65a8","at":1795997116181,"news":"delivered"}', '\xac3c4cb0216f1f1c38eea9b3744856f7');
INSERT INTO zengate.zengate_version VALUES (1, '2026-11-30 00:05:11.517438+00');
ALTER TABLE ONLY zengate.checkpoint
    ADD CONSTRAINT checkpoint_pkey PRIMARY KEY (one);
ALTER TABLE ONLY zengate.head
    ADD CONSTRAINT head_pkey PRIMARY KEY (one);
ALTER TABLE ONLY zengate.journal
    ADD CONSTRAINT journal_pkey PRIMARY KEY (seq);
ALTER TABLE ONLY zengate.leader
    ADD CONSTRAINT leader_pkey PRIMARY KEY (one);
ALTER TABLE ONLY zengate.owner
    ADD CONSTRAINT owner_pkey PRIMARY KEY (id);
ALTER TABLE ONLY zengate.zengate_version
    ADD CONSTRAINT zengate_version_pkey PRIMARY KEY (version);
