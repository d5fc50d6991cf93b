/**
 * Envelopes as the bytes of one frame, and back. `docs/PROTOCOL.md` has the layout; golden vectors freeze it.
 *
 *     frame     "tm" version:u8 asks:u8 count:u32le sent:f64be taken:f64be from:text envelope*
 *     envelope  bytes:u32le type:u8 flags:u8 fields… payload:MessagePack
 *
 * A text is its length in bytes as a varint, then UTF-8; numbers in envelopes are varints.
 */
import * as E from 'fp-ts/lib/Either.js'
import type { NodeId } from '../ids.js'
import { Malformed, NotWritable, Reader, Writer } from './bytes.js'
import { whyNotWire } from './codec.js'
import type { Envelope } from './envelope.js'
import { readEnvelope, writeEnvelope } from './layout.js'

/**
 * The versions of the frame that this code reads; it writes `max`. A change takes two releases: read, then
 * write.
 */
export const wireVersions: WireVersions = { min: 1, max: 1 }

export interface WireVersions {
  readonly min: number
  readonly max: number
}

/** The highest version that both read, or a sentence that names both. */
export const agree = (mine: WireVersions, theirs: WireVersions): E.Either<string, number> => {
  const version = Math.min(mine.max, theirs.max)
  return version >= Math.max(mine.min, theirs.min)
    ? E.right(version)
    : E.left(
        `This node speaks wire versions ${mine.min} to ${mine.max}, ` +
          `the other ${theirs.min} to ${theirs.max}: ` +
          'upgrade through a release that speaks both.',
      )
}

/** Flow control between two nodes on one lane; see `links/flow.ts`. */
export interface FrameStamp {
  /** Bytes of all frames that the sender has sent to this receiver, this one included. */
  readonly sent: number
  /** The highest `sent` that the sender has seen from this receiver. */
  readonly taken: number
  /** The sender waits for room: the receiver is to answer with a frame, if only an empty one. */
  readonly asks: boolean
}

export interface Frame extends FrameStamp {
  readonly from: NodeId
  readonly envelopes: readonly Envelope[]
}

/** Why an envelope cannot leave: it is the sender's fault and nothing was sent. */
export type NotSendable =
  | { readonly tag: 'TooLarge'; readonly bytes: number; readonly bytesMax: number }
  | { readonly tag: 'NotWire'; readonly text: string }

export const describeNotSendable = (problem: NotSendable): string =>
  problem.tag === 'TooLarge'
    ? `the message takes ${problem.bytes} bytes, a frame holds ${problem.bytesMax}`
    : problem.text

const magic = 0x746d
const flagsAt = 3
const countAt = 4
const sentAt = 8
const takenAt = 16

/** The frame's own bytes before the first envelope. */
export const frameHeadBytes = (from: NodeId): number => 25 + Buffer.byteLength(from)

const payloadOf = (envelope: Envelope): unknown => ('payload' in envelope ? envelope.payload : envelope.body)

/**
 * Collects envelopes for one destination and gives them out as frames of at most `frameBytesMax` bytes. An
 * envelope is turned into bytes when it is added: what its sender changes afterwards does not travel.
 */
export class FrameWriter {
  readonly #from: NodeId
  readonly #bytesMax: number
  readonly #headBytes: number
  readonly #sealed: Buffer[] = []
  readonly #w = new Writer()
  #count = 0
  #sealedBytes = 0

  constructor(from: NodeId, frameBytesMax: number) {
    this.#from = from
    this.#bytesMax = frameBytesMax
    this.#head()
    this.#headBytes = this.#w.at
  }

  /** Bytes that wait here. */
  get bytes(): number {
    return this.#sealedBytes + this.#w.at
  }

  add(envelope: Envelope): NotSendable | undefined {
    const w = this.#w
    const start = w.at
    try {
      w.u32(0)
      writeEnvelope(w, envelope)
    } catch (error) {
      if (!(error instanceof NotWritable)) throw error
      w.at = start
      return { tag: 'NotWire', text: whyNotWire(payloadOf(envelope)) || error.message }
    }
    const bytes = w.at - start
    if (bytes + this.#headBytes > this.#bytesMax) {
      w.at = start
      return { tag: 'TooLarge', bytes: bytes + this.#headBytes, bytesMax: this.#bytesMax }
    }
    w.buf.writeUInt32LE(bytes - 4, start)
    if (w.at > this.#bytesMax) this.#sealBefore(start)
    this.#count++
    return undefined
  }

  /** The frames, ready to go; the writer is used up. `stamp` is called once per frame with its length. */
  take(stamp: (bytes: number) => FrameStamp): readonly Uint8Array[] {
    this.#seal(this.#w.at)
    this.#w.release()
    for (const frame of this.#sealed) {
      const { sent, taken, asks } = stamp(frame.length)
      frame[flagsAt] = asks ? 1 : 0
      frame.writeDoubleBE(sent, sentAt)
      frame.writeDoubleBE(taken, takenAt)
    }
    return this.#sealed
  }

  /** Gives up what waits here; the writer is used up. */
  drop(): void {
    this.#w.release()
  }

  #head(): void {
    const w = this.#w
    w.ensure(24)
    w.buf.fill(0, 0, 24)
    w.buf.writeUInt16BE(magic, 0)
    w.buf[2] = wireVersions.max
    w.at = 24
    w.text(this.#from)
  }

  #seal(end: number): void {
    const w = this.#w
    w.buf.writeUInt32LE(this.#count, countAt)
    const frame = Buffer.allocUnsafe(end)
    w.buf.copy(frame, 0, 0, end)
    this.#sealed.push(frame)
    this.#sealedBytes += end
    this.#count = 0
  }

  #sealBefore(start: number): void {
    const w = this.#w
    this.#seal(start)
    w.buf.copyWithin(this.#headBytes, start, w.at)
    w.at = this.#headBytes + w.at - start
  }
}

/** What `encodeFrames` could not put into a frame, with the reason. */
export interface Unsent {
  readonly envelope: Envelope
  readonly problem: NotSendable
}

/** Envelopes of one sender for one destination as frames, in order. Without any: one empty frame. */
export const encodeFrames = (
  from: NodeId,
  envelopes: readonly Envelope[],
  frameBytesMax: number,
  stamp: FrameStamp = { sent: 0, taken: 0, asks: false },
): { readonly frames: readonly Uint8Array[]; readonly unsent: readonly Unsent[] } => {
  const writer = new FrameWriter(from, frameBytesMax)
  const unsent: Unsent[] = []
  for (const envelope of envelopes) {
    const problem = writer.add(envelope)
    if (problem !== undefined) unsent.push({ envelope, problem })
  }
  return { frames: writer.take(() => stamp), unsent }
}

const readFrame = (r: Reader): Frame => {
  if (r.end < 25 || r.buf.readUInt16BE(r.take(2)) !== magic)
    throw new Malformed('these bytes are not a frame')
  const version = r.u8()
  if (version < wireVersions.min || version > wireVersions.max) {
    throw new Malformed(
      `the frame has wire version ${version}, this node reads ${wireVersions.min} to ${wireVersions.max}`,
    )
  }
  const flags = r.u8()
  if (flags > 1) throw new Malformed('the frame has flags that this version does not know')
  const count = r.u32()
  const sent = r.f64()
  const taken = r.f64()
  const from = r.word()
  const frameEnd = r.end
  const envelopes: Envelope[] = []
  for (let i = 0; i < count; i++) {
    const end = r.u32() + r.at
    if (end > frameEnd) throw new Malformed(`an envelope ends behind the frame's end at byte ${frameEnd}`)
    r.end = end
    envelopes.push(readEnvelope(r))
    if (r.at !== end) throw new Malformed(`an envelope has ${end - r.at} bytes too many at byte ${r.at}`)
    r.end = frameEnd
  }
  if (r.at !== frameEnd) throw new Malformed(`the frame has ${frameEnd - r.at} bytes too many`)
  return { from, sent, taken, asks: flags === 1, envelopes }
}

/**
 * The frame in these bytes, or a sentence about what is wrong with them. Never throws, keeps no view of the
 * bytes.
 */
export const decodeFrame = (bytes: Uint8Array): E.Either<string, Frame> => {
  try {
    return E.right(readFrame(new Reader(bytes)))
  } catch (error) {
    if (error instanceof Malformed) return E.left(error.message)
    throw error
  }
}
