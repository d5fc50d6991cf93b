/** The release of this package, as members tell it to each other. */
export const release = '0.2.0'
