import { expect, test } from 'vitest'
import { UnfinishedMessages } from '../../src/server/policies/unfinished-messages.ts'
import { FrameScanner } from '../../src/server/websocket-frames.ts'
import { frame } from './frames.ts'

const state = ({ isUnfinished, frames, announcedBytes }: FrameScanner) => ({ isUnfinished, frames, announcedBytes })
const CLEAN = { isUnfinished: false, frames: 0, announcedBytes: 0 }

test.each([0, 1, 125, 126, 65_535, 65_536])('a whole message of %i bytes leaves nothing unfinished', (bytes) => {
  const whole = frame('text', bytes)
  const scanner = new FrameScanner()
  scanner.read(whole)
  expect(state(scanner)).toEqual(CLEAN)
  // In pieces of one byte, it is unfinished until its last byte.
  let finishedEarly = 0
  for (let at = 0; at < whole.length - 1; at++) {
    scanner.read(whole.subarray(at, at + 1))
    if (!scanner.isUnfinished) finishedEarly += 1
  }
  expect(finishedEarly).toBe(0)
  scanner.read(whole.subarray(-1))
  expect(state(scanner)).toEqual(CLEAN)
})

test('fragments count, empty ones and control frames in between too, until the last fragment', () => {
  const scanner = new FrameScanner()
  scanner.read(Buffer.concat([frame('ping', 4), frame('text', 3, false)]))
  expect(state(scanner)).toEqual({ isUnfinished: true, frames: 1, announcedBytes: 3 })
  scanner.read(Buffer.concat([frame('continuation', 0, false), frame('ping', 4), frame('continuation', 5, false)]))
  expect(state(scanner)).toEqual({ isUnfinished: true, frames: 4, announcedBytes: 8 })
  scanner.read(Buffer.concat([frame('continuation', 0), frame('text', 1, false)]))
  expect(state(scanner)).toEqual({ isUnfinished: true, frames: 1, announcedBytes: 1 })
  expect(scanner.peakFrames).toBe(5)
})

test('a message of 64 kB that comes in 1200 byte packets is within the limits', () => {
  const message = new UnfinishedMessages().open(() => expect.unreachable())
  message.acknowledge()
  const whole = frame('text', 65_536)
  for (let at = 0; at < whole.length; at += 1_200) expect(message.add(whole.subarray(at, at + 1_200))).toBeNull()
  for (let count = 0; count < 64; count++) expect(message.add(frame('continuation', 1_024, count === 63))).toBeNull()
})

test('when all sockets together hold too much, the one whose message began first is closed', () => {
  const all = new UnfinishedMessages()
  const evicted: number[] = []
  const messages = Array.from({ length: 300 }, (_, index) => all.open(() => evicted.push(index)))
  for (const message of messages) expect(message.add(frame('text', 8_000).subarray(0, 7_000))).toBeNull()
  expect(evicted).toEqual([])
  for (const message of messages) message.release()
  const many = Array.from({ length: 1_200 }, (_, index) => all.open(() => evicted.push(index)))
  for (const message of many) message.add(frame('text', 8_000).subarray(0, 7_000))
  expect(evicted.length).toBeGreaterThan(0)
  expect(evicted).toEqual(Array.from(evicted.keys()))
})

test('a client that was acknowledged in the middle of a message is counted among the clients', () => {
  const all = new UnfinishedMessages()
  let evicted = 0
  for (let count = 0; count < 10_000; count++) {
    const message = all.open(() => (evicted += 1))
    message.add(frame('text', 8_000).subarray(0, 7_000))
    message.acknowledge()
  }
  // 64 MB of 7 kB each, and overhead.
  expect(evicted).toBeGreaterThan(1_000)
  expect(evicted).toBeLessThan(3_000)
})
