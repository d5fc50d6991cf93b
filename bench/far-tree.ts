/** What the nodes of the remote benches run: an actor of the node, and mirrored entities. */
import * as t from 'io-ts'
import {
  behavior,
  entities,
  id,
  kind,
  message,
  mirrored,
  nodeProtocol,
  protocol,
  reply,
  supervisor,
  worker,
} from '../supervisors/index.js'

/** 32 characters there and back. */
export const text = 'a quick brown fox over lazy dogs'

export const Echo = nodeProtocol('echo', { Say: message({ text: t.string }).replies(t.string) })
const echo = behavior(Echo, { init: () => 0, on: { Say: (count, { text }) => reply(count + 1, text) } })

export const NoteId = id('NoteId')
export const Note = protocol('note', NoteId, { Write: message({ text: t.string }).replies(t.string) })
const note = kind(Note, {
  activate: 'first-message',
  state: mirrored(t.type({ text: t.string, count: t.number })),
  init: () => ({ text: '', count: 0 }),
  on: { Write: ({ count }, { text }) => reply({ text, count: count + 1 }, text) },
})

export const GuestId = id('GuestId')
export const Guest = protocol('guest', GuestId, { Count: message().reads(t.number) })
/** Begins when it is told to. */
export const guest = kind(Guest, {
  state: mirrored(t.type({ count: t.number })),
  init: () => ({ count: 0 }),
  on: { Count: ({ count }) => count },
})

export const TallyId = id('TallyId')
export const Tally = protocol('tally', TallyId, { Add: message().replies(t.number) })
/** Answers with how often it was added to. */
const tally = kind(Tally, {
  activate: 'first-message',
  state: mirrored(t.type({ count: t.number })),
  init: () => ({ count: 0 }),
  on: { Add: ({ count }) => reply({ count: count + 1 }, count + 1) },
})

export const tree = () =>
  supervisor('root', {}, [worker('echo', echo), entities(note), entities(guest), entities(tally)])

/** On a busy machine an ask may take long; a bench that fails for it says nothing. */
export const benchConfig = { askTimeoutMs: 30_000 }
