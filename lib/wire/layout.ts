/** The fields of each type of envelope, in the order in which they stand in the bytes. */
import type { NodeId } from '../ids.js'
import { Malformed, type Reader, type Writer } from './bytes.js'
import { readWire, writeWire } from './codec.js'
import type {
  AnswerEnvelope,
  AskEnvelope,
  ControlEnvelope,
  Envelope,
  MirrorEnvelope,
  Position,
  PublishEnvelope,
  TellEnvelope,
} from './envelope.js'

// The numbers are on the wire: they are only ever added to.
const types = { tell: 1, ask: 2, answer: 3, publish: 4, mirror: 5, control: 6 } as const
const outcomes = ['reply', 'refusal', 'error'] as const
const verbs = ['append', 'fill', 'ack', 'refuse', 'drop'] as const

/** The one flag so far: the optional field of the type (`from`, `floor`) is there. */
const optional = 1

const writePosition = (w: Writer, at: Position): void => {
  w.text(at.shard)
  w.varint(at.gen)
  w.varint(at.seq)
  w.varint(at.part)
  w.varint(at.epoch)
}

const readPosition = (r: Reader): Position => ({
  shard: r.word(),
  gen: r.varint(),
  seq: r.varint(),
  part: r.varint(),
  epoch: r.varint(),
})

const writeTell = (w: Writer, tell: TellEnvelope): void => {
  w.u8(types.tell)
  w.u8(tell.from === undefined ? 0 : optional)
  w.text(tell.kind)
  w.text(tell.id)
  w.text(tell.tag)
  w.varint(tell.hops)
  if (tell.from !== undefined) writePosition(w, tell.from)
  writeWire(w, tell.payload)
}

const readTell = (r: Reader, flags: number): TellEnvelope => {
  const kind = r.word()
  const id = r.word()
  const tag = r.word()
  const hops = r.varint()
  if (flags === 0) return { type: 'tell', kind, id, tag, hops, payload: readWire(r) }
  return { type: 'tell', kind, id, tag, hops, from: readPosition(r), payload: readWire(r) }
}

const writeAsk = (w: Writer, ask: AskEnvelope): void => {
  w.u8(types.ask)
  w.u8(ask.floor === undefined ? 0 : optional)
  w.text(ask.kind)
  w.text(ask.id)
  w.text(ask.tag)
  w.varint(ask.hops)
  w.text(ask.asker)
  w.varint(ask.ask)
  w.text(ask.reqId)
  w.varint(Math.max(0, Math.ceil(ask.remainingMs)))
  if (ask.floor !== undefined) w.varint(ask.floor)
  writeWire(w, ask.payload)
}

const readAsk = (r: Reader, flags: number): AskEnvelope => {
  const kind = r.word()
  const id = r.word()
  const tag = r.word()
  const hops = r.varint()
  const asker: NodeId = r.word()
  const ask = r.varint()
  const reqId = r.text()
  const remainingMs = r.varint()
  if (flags === 0) {
    return { type: 'ask', kind, id, tag, hops, asker, ask, reqId, remainingMs, payload: readWire(r) }
  }
  const floor = r.varint()
  return { type: 'ask', kind, id, tag, hops, asker, ask, reqId, remainingMs, floor, payload: readWire(r) }
}

const writeAnswer = (w: Writer, answer: AnswerEnvelope): void => {
  w.u8(types.answer)
  w.u8(0)
  w.varint(answer.ask)
  w.u8(outcomes.indexOf(answer.outcome))
  writeWire(w, answer.payload)
}

const readAnswer = (r: Reader): AnswerEnvelope => {
  const ask = r.varint()
  const outcome = outcomes[r.u8()]
  if (outcome === undefined) throw new Malformed(`an unknown outcome at byte ${r.at}`)
  return { type: 'answer', ask, outcome, payload: readWire(r) }
}

const writePublish = (w: Writer, publish: PublishEnvelope): void => {
  w.u8(types.publish)
  w.u8(publish.from === undefined ? 0 : optional)
  w.text(publish.topic)
  if (publish.from !== undefined) writePosition(w, publish.from)
  writeWire(w, publish.payload)
}

const readPublish = (r: Reader, flags: number): PublishEnvelope => {
  const topic = r.word()
  if (flags === 0) return { type: 'publish', topic, payload: readWire(r) }
  return { type: 'publish', topic, from: readPosition(r), payload: readWire(r) }
}

const writeMirror = (w: Writer, mirror: MirrorEnvelope): void => {
  w.u8(types.mirror)
  w.u8(0)
  w.text(mirror.shard)
  w.u8(verbs.indexOf(mirror.verb))
  writeWire(w, mirror.body)
}

const readMirror = (r: Reader): MirrorEnvelope => {
  const shard = r.word()
  const verb = verbs[r.u8()]
  if (verb === undefined) throw new Malformed(`an unknown verb at byte ${r.at}`)
  return { type: 'mirror', shard, verb, body: readWire(r) }
}

const writeControl = (w: Writer, control: ControlEnvelope): void => {
  w.u8(types.control)
  w.u8(0)
  w.text(control.verb)
  writeWire(w, control.body)
}

/** Appends an envelope; throws `NotWritable` when a part of it cannot travel. */
export const writeEnvelope = (w: Writer, envelope: Envelope): void => {
  switch (envelope.type) {
    case 'tell':
      return writeTell(w, envelope)
    case 'ask':
      return writeAsk(w, envelope)
    case 'answer':
      return writeAnswer(w, envelope)
    case 'publish':
      return writePublish(w, envelope)
    case 'mirror':
      return writeMirror(w, envelope)
    case 'control':
      return writeControl(w, envelope)
  }
}

const hasOptional = (type: number): boolean =>
  type === types.tell || type === types.ask || type === types.publish

/** Reads an envelope; throws `Malformed`. */
export const readEnvelope = (r: Reader): Envelope => {
  const type = r.u8()
  const flags = r.u8()
  if (flags > (hasOptional(type) ? optional : 0))
    throw new Malformed(`unknown flags ${flags} at byte ${r.at}`)
  switch (type) {
    case types.tell:
      return readTell(r, flags)
    case types.ask:
      return readAsk(r, flags)
    case types.answer:
      return readAnswer(r)
    case types.publish:
      return readPublish(r, flags)
    case types.mirror:
      return readMirror(r)
    case types.control:
      return { type: 'control', verb: r.word(), body: readWire(r) }
    default:
      throw new Malformed(`an unknown envelope type ${type} at byte ${r.at}`)
  }
}
