import t from 'tap'
import { describeEvent } from '../../../lib/kernel/describe-event.js'
import type { LifecycleEvent } from '../../../lib/kernel/events.js'

const letter = { path: 'a', reason: 'stopped', message: { tag: 'Add' } } as const
const boom = new Error('boom')
const cases: readonly (readonly [LifecycleEvent, level: string, sentence: RegExp])[] = [
  [{ tag: 'ActorStarted', path: 'a', incarnation: 1 }, 'debug', /^Actor a started/],
  [{ tag: 'ActorRestarted', path: 'a', incarnation: 2, reason: { tag: 'kill' } }, 'info', /incarnation 2/],
  [{ tag: 'ActorStopped', path: 'a', incarnation: 1, reason: { tag: 'normal' } }, 'debug', /ended by itself/],
  [{ tag: 'ActorStopped', path: 'a', incarnation: 1, reason: { tag: 'kill' } }, 'warn', /was killed/],
  [
    { tag: 'ActorStopped', path: 'a', incarnation: 1, reason: { tag: 'crash', error: boom } },
    'debug',
    /crashed: boom/,
  ],
  [
    { tag: 'ActorCrashed', path: 'a', incarnation: 1, error: boom, message: { tag: 'Add' } },
    'error',
    /\(Add\): boom/,
  ],
  [
    { tag: 'ActorCrashed', path: 'a', incarnation: 1, error: 'text', message: undefined },
    'error',
    /crashed: text/,
  ],
  [{ tag: 'SnapshotFailed', path: 'a', error: boom }, 'warn', /^The snapshot of actor a .*: boom.* goes on/],
  [{ tag: 'MailboxHigh', path: 'a', mailboxCount: 8, mailboxCountMax: 10 }, 'warn', /^8 of 10 messages wait/],
  [{ tag: 'LoopBlocked', suspects: [], blockedMs: 200.4 }, 'warn', /outside of actors.* for 200 ms/],
  [{ tag: 'LoopBlocked', suspects: ['a'], blockedMs: 300 }, 'warn', /^Actor a blocked/],
  [
    { tag: 'LoopBlocked', suspects: [...'abcdefg'], blockedMs: 300 },
    'warn',
    /One of the actors a, b, c, d, e, …/,
  ],
  [{ tag: 'DeadLettered', letter }, 'info', /\(Add\) to a was not delivered: stopped/],
  [{ tag: 'RestartDelayed', path: 'a', delayMs: 900 }, 'warn', /^Actor a fell again .* in 900 ms/],
  [{ tag: 'IntensityExceeded', path: 's', intensity: 1, periodMs: 5_000 }, 'error', /more than 1 restarts/],
]
for (const [event, level, sentence] of cases) {
  t.test(`describe event - ${event.tag} is told as ${sentence.source}`, async (t) => {
    const { tag, ...fields } = event
    t.match(describeEvent(event), { tag, level, sentence, fields })
  })
}

t.test('describe event - whatever was thrown has some text', async (t) => {
  const unkind = new Error()
  Object.defineProperty(unkind, 'message', {
    get: () => {
      throw new Error('no')
    },
  })
  for (const error of [Object.create(null), unkind, Symbol('odd'), undefined]) {
    const { sentence } = describeEvent({
      tag: 'ActorCrashed',
      path: 'a',
      incarnation: 1,
      error,
      message: undefined,
    })
    t.match(sentence, /^Actor a crashed: ./)
  }
})
