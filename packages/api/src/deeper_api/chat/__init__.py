"""The generation engine: answers as tasks of the application, which responses only follow."""
