import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { act, behavior, type LocalRef, message, next, nodeProtocol } from '../../../lib/index.js'
import { behaviorData } from '../../../lib/api/internal.js'
import { LocalActor } from '../../../lib/kernel/local-actor.js'
import { nactHost } from '../../../lib/kernel/nact.js'
import { reasonOf } from '../../fixtures/kernel/counter.js'
import { bed, type Bed, outside } from '../../fixtures/kernel/index.js'

const Hub = nodeProtocol('hub', { Note: message() })
const hub = behavior(Hub, {
  init: () => 0,
  on: { Note: (n) => next(n + 1) },
  onExit: (n) => next(n),
})
const Guest = nodeProtocol('guest', { Stay: message(), Ask: message().replies(), Leave: message() })

const collect = async (): Promise<void> => {
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc') as () => void
  for (let i = 0; i < 5; i++) {
    await new Promise((done) => setImmediate(done))
    gc()
  }
}

const actorOf = (on: Bed, name: string, made: object): LocalActor => {
  const actor: LocalActor = new LocalActor(on.kernel, {
    name,
    behavior: behaviorData(made),
    outside: outside(),
    ended: (reason) => actor.close(reason),
  })
  actor.begin(() => undefined)
  return actor
}

/** Starts, binds and stops one; what is left is a weak reference. */
const visit = async (on: Bed, to: LocalRef<'hub'>, name: string): Promise<WeakRef<LocalActor>> => {
  const guest = behavior(Guest, {
    init: () => 0,
    idleMs: 60_000,
    mailbox: { countMax: 10, overflow: 'hold' },
    on: {
      Stay: (n, _, self) => {
        self.link(to)
        self.monitor(to, () => Guest.Leave())
        return next(
          n,
          act.after(60_000, Guest.Leave(), 'late'),
          act.every({ ms: 30_000, jitter: 0.5 }, Guest.Stay(), 'beat'),
        )
      },
      Ask: () => new Promise<never>(() => undefined),
      Leave: (n) => next(n, act.stop()),
    },
  })
  const actor = actorOf(on, name, guest)
  const ref = actor.ref as unknown as LocalRef<'guest'>
  ref.tell(Guest.Stay())
  await on.settle()
  const asked = reasonOf(ref.ask(Guest.Ask()))
  await on.settle()
  actor.abort()
  actor.close({ tag: 'kill' })
  await asked
  await on.settle()
  return new WeakRef(actor)
}

t.test('leaks - an actor that has stopped is let go, whatever it was bound to', async (t) => {
  const on = bed({ deadLettersCountMax: 0 }, nactHost())
  const host = actorOf(on, 'hub', hub)
  const guests: WeakRef<LocalActor>[] = []
  for (let i = 0; i < 50; i++)
    guests.push(await visit(on, host.ref as unknown as LocalRef<'hub'>, `guest-${i}`))
  on.events.length = 0
  await collect()
  t.equal(guests.filter((guest) => guest.deref() !== undefined).length, 0, 'of fifty')
  t.equal(host.cell.status, 'running')
  on.kernel.kill()
  t.equal(on.clock.pendingCount, 0)
})
