/** Reminders are among an entity's timers, under names that no timer of its own can have. */
const mark = '\u0001'

export const reminderName = (name: string): string => mark + name
export const isReminder = (name: string): boolean => name.startsWith(mark)
