//! Servers for tests: real ones, each on a private port with its data in a folder of its own, gone with the test.
