/**
 * Credit between two nodes on the data lane, so that no server ever holds much for a slow receiver.
 *
 * Each frame carries how many bytes its sender has sent so far and how many it has taken from the other
 * side. The difference is what is under way; beyond the window nothing is sent. Lost frames need no repair,
 * because `sent` counts them: the next frame that arrives moves `taken` past them. When there is none, a
 * sender that wants room asks for an answer.
 */
import type { FrameStamp } from '../wire/frame.js'

export interface Flow {
  sent: number
  /** What the other side has taken of `sent`. */
  acknowledged: number
  /** What was taken from the other side. */
  taken: number
  /** The `taken` that the other side was last told. */
  told: number
}

export const newFlow = (): Flow => ({ sent: 0, acknowledged: 0, taken: 0, told: 0 })

/**
 * Whether more may be sent while `waitingBytes` wait to leave. The window is exceeded by one envelope at
 * most.
 */
export const hasRoom = (flow: Flow, waitingBytes: number, windowBytes: number): boolean =>
  flow.sent - flow.acknowledged + waitingBytes < windowBytes

/** The stamp of a frame of `bytes` that leaves now. */
export const stampNext = (flow: Flow, bytes: number, asks: boolean): FrameStamp => {
  flow.sent += bytes
  flow.told = flow.taken
  return { sent: flow.sent, taken: flow.taken, asks }
}

/**
 * Notes a stamp that arrived; true when the other side should be told soon, with an empty frame if need be.
 */
export const noteStamp = (flow: Flow, stamp: FrameStamp, windowBytes: number): boolean => {
  // Frames may be doubled or late: only the highest numbers count, and never more than was sent.
  flow.acknowledged = Math.max(flow.acknowledged, Math.min(stamp.taken, flow.sent))
  flow.taken = Math.max(flow.taken, stamp.sent)
  return stamp.asks || flow.taken - flow.told >= windowBytes / 4
}
