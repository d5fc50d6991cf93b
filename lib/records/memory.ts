/** The record store of the memory transport: one object for all nodes of a cluster in this process. */
import type { Clock } from '../std/clock.js'
import {
  type Created,
  createValidMs,
  type Latest,
  type Records,
  type RecordVersion,
  type Watch,
} from './records.js'

interface Watcher {
  readonly prefix: string
  readonly onRecord: (record: RecordVersion) => void
}

/** What all nodes see. It keeps the highest version of each chain; lower ones count as taken. */
export interface RecordStore {
  readonly id: string
  readonly latest: Map<string, RecordVersion>
  readonly watchers: Set<Watcher>
}

export const createRecordStore = (id: string): RecordStore => ({ id, latest: new Map(), watchers: new Set() })

const isUnder = (chain: string, prefix: string): boolean => chain === prefix || chain.startsWith(`${prefix}.`)

const put = (store: RecordStore, record: RecordVersion): boolean => {
  const highest = store.latest.get(record.chain)
  if (highest !== undefined && highest.version >= record.version) return false
  store.latest.set(record.chain, record)
  for (const watcher of store.watchers) if (isUnder(record.chain, watcher.prefix)) watcher.onRecord(record)
  return true
}

const watchStore = (store: RecordStore, clock: Clock, watcher: Watcher, onLive: () => void): Watch => {
  let stopped = false
  const show = (fn: () => void): void =>
    clock.defer(() => {
      if (!stopped) fn()
    })
  const inner: Watcher = {
    prefix: watcher.prefix,
    onRecord: (record) => show(() => watcher.onRecord(record)),
  }
  for (const record of store.latest.values())
    if (isUnder(record.chain, watcher.prefix)) inner.onRecord(record)
  store.watchers.add(inner)
  show(onLive)
  return {
    stop: () => {
      stopped = true
      store.watchers.delete(inner)
    },
  }
}

/** One node's access to the store. Answers come after the present turn, in the order of the calls. */
export const memoryRecords = (store: RecordStore, clock: Clock): Records => ({
  storeId: store.id,
  create: (chain, version, value, done) => {
    const startedAt = clock.monotonic()
    const outcome: Created = put(store, { chain, version, value: value.slice() }) ? 'created' : 'taken'
    // A process that was held up between the call and the answer must not trust the answer.
    clock.defer(() => done(clock.monotonic() - startedAt > createValidMs ? 'unknown' : outcome))
  },
  latest: (chain, done) => {
    const record = store.latest.get(chain)
    const latest: Latest = record === undefined ? { tag: 'none' } : { tag: 'found', record }
    clock.defer(() => done(latest))
  },
  watch: (prefix, onRecord, onLive) => watchStore(store, clock, { prefix, onRecord }, onLive),
})
