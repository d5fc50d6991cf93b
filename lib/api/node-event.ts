/**
 * Something that happened on a node, for its logs and its tests. The library itself writes nothing
 * anywhere.
 */
export interface NodeEvent {
  /** In the past tense: `ActorCrashed`, `LoopBlocked`, `StateLost` … */
  readonly tag: string
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  /** What happened, for people. */
  readonly sentence: string
  /** The same as fields: names, counts, and for a crash the error itself. */
  readonly fields: Readonly<Record<string, unknown>>
}
