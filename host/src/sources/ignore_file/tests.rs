//! What happens to images_to_ignore.txt while the program runs.

use super::*;
use std::process::Command;

fn in_folder() -> (tempfile::TempDir, PathBuf, IgnoreFiles) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("images_to_ignore.txt");
    (folder, path, IgnoreFiles::default())
}

async fn text(file: &Arc<IgnoreFile>) -> String {
    file.text().await.map_or_else(|| "none".to_owned(), |text| text.to_string())
}

#[tokio::test]
async fn an_edit_counts_at_once_and_a_file_that_is_gone_names_no_image() {
    let (_folder, path, files) = in_folder();
    let file = files.open(&path);
    assert_eq!((text(&file).await.as_str(), file.fingerprint()), ("none", None));
    for content in ["one", "other"] {
        std::fs::write(&path, content).unwrap();
        assert_eq!(text(&file).await, content);
    }
    std::fs::remove_file(&path).unwrap();
    assert_eq!(text(&file).await, "none");
    assert_eq!(file.trouble(), None);
}

#[tokio::test]
async fn what_is_no_file_or_too_large_leaves_what_was_read_before_also_over_a_reload() {
    let (_folder, path, files) = in_folder();
    std::fs::write(&path, "one").unwrap();
    let file = files.open(&path);
    let replace_by: [&dyn Fn(); 4] = [
        &|| assert!(Command::new("mkfifo").arg(&path).status().unwrap().success()),
        &|| std::os::unix::fs::symlink("/dev/zero", &path).unwrap(),
        &|| std::fs::create_dir(&path).unwrap(),
        &|| std::fs::File::create(&path).unwrap().set_len(10 * 1024 * 1024 * 1024).unwrap(),
    ];
    for replace in replace_by {
        if path.is_dir() {
            std::fs::remove_dir(&path).unwrap();
        } else {
            std::fs::remove_file(&path).unwrap();
        }
        replace();
        // What a link leads to is not looked at by each request.
        file.look();
        assert_eq!(text(&file).await, "one");
        let trouble = file.trouble().unwrap();
        assert!(trouble.ends_with("so what was read of it before stays in use"), "{trouble}");
        assert_eq!(text(&files.open(&path)).await, "one", "after a reload");
    }
    std::fs::write(&path, "two").unwrap();
    assert_eq!((text(&file).await.as_str(), file.trouble()), ("two", None));
}

#[tokio::test]
async fn the_null_device_names_no_image() {
    let (_folder, path, files) = in_folder();
    std::os::unix::fs::symlink("/dev/null", &path).unwrap();
    let file = files.open(&path);
    assert_eq!((text(&file).await.as_str(), file.trouble()), ("", None));
}

#[tokio::test]
async fn a_file_that_can_not_be_used_from_the_start_leaves_no_image_out_and_says_so() {
    let (folder, ..) = in_folder();
    let file = IgnoreFiles::default().open(folder.path());
    assert_eq!(text(&file).await, "none");
    assert!(file.trouble().unwrap().ends_with("so the listing leaves no image out"), "{:?}", file.trouble());
}

#[tokio::test]
async fn a_link_that_leads_to_another_file_is_noticed_within_a_second() {
    let (folder, path, files) = in_folder();
    let targets = ["one", "two"].map(|name| folder.path().join(name));
    targets.iter().for_each(|target| std::fs::write(target, target.file_name().unwrap().as_encoded_bytes()).unwrap());
    std::os::unix::fs::symlink(&targets[0], &path).unwrap();
    let file = files.open(&path);
    file.watch();
    assert_eq!(text(&file).await, "one");
    let other = folder.path().join("other");
    std::os::unix::fs::symlink(&targets[1], &other).unwrap();
    std::fs::rename(&other, &path).unwrap();
    for _ in 0..1000 {
        tokio::time::sleep(Duration::from_millis(10)).await;
        if text(&file).await == "two" {
            return;
        }
    }
    panic!("it was not noticed");
}
